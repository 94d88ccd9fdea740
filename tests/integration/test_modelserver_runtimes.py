"""LightGBM, ONNX and Hugging Face models, with and without scripts, in their own environments."""

import json
from typing import Any

import pytest

import batches
import onnx_models
from framework_models import Ask, Case, Served, serve
from frameworks import run_in
from machine import skip_without_openmp

LIGHTGBM = """
import pickle, sys, warnings, lightgbm as lgb, numpy as np
folder = sys.argv[1]
X = np.array([[i % 7, (i * 3) % 5] for i in range(200)], dtype=float)
y = X[:, 0] + 2 * X[:, 1]
how = {"objective": "regression", "verbose": -1, "min_data_in_leaf": 1}
lgb.train(how, lgb.Dataset(X, y), 60).save_model(folder + "/model.txt")
classifier = lgb.LGBMClassifier(n_estimators=5, verbose=-1).fit(X, (y > 8).astype(int))
pickle.dump(classifier, open(folder + "/c.pkl", "wb"))
"""
BERT = """
import sys, torch, transformers
folder = sys.argv[1]
words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "day"]
open(folder + "/vocab.txt", "w").write("\\n".join(words))
tokenizer = transformers.BertTokenizerFast(folder + "/vocab.txt")
torch.manual_seed(0)
size = dict(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
config = transformers.BertConfig(vocab_size=len(words), **size)
for name, kind in (("classify", "BertForSequenceClassification"), ("embed", "BertModel")):
    getattr(transformers, kind)(config).save_pretrained(f"{folder}/{name}")
    tokenizer.save_pretrained(f"{folder}/{name}")
"""
CSV = "text/csv"
TEXTS = {"inputs": ["good day", "bad day"], "parameters": {"top_k": None}}
EMBED = {"HF_TASK": "feature-extraction"}
SCRIPT = """
def predict_fn(data, model):
    return {"asked": data, "answered": model(data["inputs"])[0]["label"]}
"""


def body(value: Any) -> Ask:
    return Ask(json.dumps(value).encode())


@pytest.fixture(scope="module")
def lightgbm(tmp_path_factory: pytest.TempPathFactory) -> list[Served]:
    skip_without_openmp()
    made = tmp_path_factory.mktemp("lightgbm")
    run_in("lightgbm", LIGHTGBM, made)
    rows = [[1.0, 2.0], [6.0, 4.0]]
    named = [{"Column_1": 2.0, "Column_0": 1.0}]
    spec = {"runtime": "lightgbm"}
    asks = [body(rows), body({"features": rows[0]}), body(named), Ask(b"1,2\n6,4\n", CSV, CSV)]
    cases = [
        Case({"model.txt": made / "model.txt"}, [*asks, body([[1, 2, 3]])], spec),
        Case({"model.pkl": made / "c.pkl"}, asks[:1], spec),
        Case({"model.txt": "no model"}, (), spec),
        *(
            Case({name: made / file}, batches.requests(2), spec, together=batches.SIZE)
            for name, file in (("model.txt", "model.txt"), ("model.pkl", "c.pkl"))
        ),
    ]
    return serve("lightgbm", cases)


def test_lightgbm_s_text_files_answer_in_every_form(lightgbm: list[Served]) -> None:
    rows, row, named, csv, wide = lightgbm[0].replies
    assert rows.json == pytest.approx([5, 14], abs=0.5)
    assert row.json == named.json == rows.json[:1]
    assert [float(line) for line in csv.body.splitlines()] == pytest.approx(rows.json)
    assert wide.status == 400


def test_a_pickled_lightgbm_classifier_answers_labels(lightgbm: list[Served]) -> None:
    assert lightgbm[1].replies[0].json == [0, 1]


def test_lightgbm_s_models_answer_a_batch_as_each_alone(lightgbm: list[Served]) -> None:
    for served in lightgbm[3:]:
        assert served.batch_max == 32
        batches.check_same(served, exact=True)


def test_a_text_that_is_no_lightgbm_model_is_a_failure_to_load(lightgbm: list[Served]) -> None:
    assert lightgbm[2].cause == "ModelLoad"
    assert "model.txt is no model that LightGBM" in lightgbm[2].message


@pytest.fixture(scope="module")
def onnx() -> list[Served]:
    linear, both = onnx_models.linear([1.0, 10.0]), onnx_models.sum_and_product()
    script = "def model_fn(d):\n    return None\ndef predict_fn(x, m):\n    return x.tolist()\n"
    spec = {"runtime": "onnx"}
    wrong = [body([[1, 2, 3]]), body([["x", 1]]), body({"z": [1]})]
    cases = [
        Case(
            {"deep/net.onnx": linear},
            [
                body([[1, 2], [3, 4]]),
                body([1, 2]),
                body({"x": [[1, 2]]}),
                Ask(b"1,2\n", CSV),
                *wrong,
            ],
            spec,
        ),
        Case({"model.onnx": both}, [body({"a": [1, 2], "b": [3, 4]}), body([1])], spec),
        Case({"model.onnx": b"no model"}, (), spec),
        Case({"model.onnx": linear, "code/inference.py": script}, [body([[1, 2]])], spec),
    ]
    return serve("onnx", cases)


def test_onnx_with_one_input_takes_rows_a_row_and_a_name(onnx: list[Served]) -> None:
    rows, row, named, csv, *wrong = onnx[0].replies
    assert rows.json == [[21], [43]]
    assert row.json == named.json == csv.json == [[21]]
    assert [reply.status for reply in wrong] == [400, 400, 400]
    assert "made by hostler-tests; takes x tensor(float) ['rows', 2]" in onnx[0].log


def test_an_onnx_file_is_never_put_into_a_batch(onnx: list[Served]) -> None:
    assert [each.batch_max for each in onnx if not each.cause] == [1, 1, 1]


def test_onnx_with_several_inputs_answers_its_outputs_by_name(onnx: list[Served]) -> None:
    answer, refused = onnx[1].replies
    assert answer.json == {"sum": [4, 6], "product": [3, 8]}
    assert (refused.status, "send an object with a, b" in refused.error) == (400, True)


def test_a_file_that_is_no_onnx_model_is_a_failure_to_load(onnx: list[Served]) -> None:
    assert onnx[2].cause == "ModelLoad"
    assert "model.onnx is no model that onnxruntime" in onnx[2].message


def test_a_script_on_the_onnx_image_keeps_its_own_steps(onnx: list[Served]) -> None:
    assert onnx[3].replies[0].json == [[1, 2]]


@pytest.fixture(scope="module")
def huggingface(tmp_path_factory: pytest.TempPathFactory) -> list[Served]:
    made = tmp_path_factory.mktemp("bert")
    run_in("huggingface", BERT, made)
    spec = {"runtime": "huggingface"}
    asks = [body(TEXTS), body({"inputs": "good day"}), body({"nothing": 1}), Ask(b"x", "image/png")]
    script = {"classify": made / "classify", "code/inference.py": SCRIPT}
    cases = [
        Case({".": made / "classify"}, [*asks, Ask(b"good day", "text/plain")], spec),
        Case({"nested": made / "embed"}, [body({"inputs": "good day"})], spec),
        Case({".": made / "embed"}, [body({"inputs": "bad"})], {**spec, "environment": EMBED}),
        Case(script, [body({"inputs": "good day"})], spec),
        Case({"config.json": '{"architectures": ["Strange"]}'}, (), spec),
    ]
    return serve("huggingface", cases)


def test_the_task_is_known_by_the_architecture(huggingface: list[Served]) -> None:
    several, one, nothing, image, text = huggingface[0].replies
    assert {each["label"] for each in several.json[0]} == {"LABEL_0", "LABEL_1"}
    assert one.json == text.json
    assert set(one.json[0]) == {"label", "score"}
    assert nothing.status == 400
    assert (image.status, "add it to code/requirements.txt" in image.error) == (415, True)


def test_hf_task_makes_a_bare_model_answer_embeddings(huggingface: list[Served]) -> None:
    for served in huggingface[1:3]:
        [[first, *_]] = served.replies[0].json
        assert len(first) == 8


def test_a_script_s_predict_fn_gets_the_dictionary_and_the_pipeline(
    huggingface: list[Served],
) -> None:
    answer = huggingface[3].replies[0].json
    assert answer["asked"] == {"inputs": "good day"}
    assert answer["answered"].startswith("LABEL_")


def test_an_architecture_that_tells_no_task_asks_for_hf_task(huggingface: list[Served]) -> None:
    assert huggingface[4].cause == "NoHandler"
    assert "names the architecture Strange" in huggingface[4].message
    assert "set HF_TASK" in huggingface[4].message
