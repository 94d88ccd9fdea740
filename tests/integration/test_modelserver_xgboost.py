"""XGBoost models of every form and age, and what AWS's own container answers."""

import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import batches
from framework_models import Ask, Case, Reply, Served, serve
from frameworks import run_in

OLD = Path(__file__).parents[1] / "fixtures" / "xgboost"
TRAIN = """
import pickle, sys, numpy as np, xgboost as xgb
folder = sys.argv[1]
X = np.array([[i % 7, (i * 3) % 5, i % 2] for i in range(60)], dtype=float)
y = (X[:, 0] + 2 * X[:, 1] > 8).astype(int)
how = {"objective": "binary:logistic", "max_depth": 2, "base_score": 0.5}
booster = xgb.train(how, xgb.DMatrix(X, label=y), 3)
for name in ("model.json", "model.ubj", "xgboost-model"):
    booster.save_model(f"{folder}/{name}")
pickle.dump(booster, open(folder + "/booster.pkl", "wb"))
pickle.dump(xgb.XGBClassifier(n_estimators=3, max_depth=2).fit(X, y), open(folder + "/c.pkl", "wb"))
several = {"objective": "multi:softprob", "num_class": 3, "max_depth": 2}
xgb.train(several, xgb.DMatrix(X, label=X[:, 0] % 3), 2).save_model(folder + "/multi.json")
"""
SCRIPT = """
import os, xgboost

def model_fn(model_dir):
    booster = xgboost.Booster()
    booster.load_model(os.path.join(model_dir, "model.json"))
    return booster

def predict_fn(data, model):
    assert isinstance(data, xgboost.DMatrix)
    return model.predict(data)
"""
ROWS = [[0.0, 0.0, 0.0], [1.0, 3.0, 1.0]]
CSV = Ask(b"0,0,0\n1,3,1\n", "text/csv")
JSON = "application/json"
ANSWERS = [0.21191308, 0.35265478]
RECORDS = "application/x-recordio-protobuf"
GENERIC = {"runtime": "xgboost"}
ALGORITHM = {"runtime": "xgboost", "repository": "sagemaker-xgboost"}


def record(keys: list[int], values: list[float]) -> bytes:
    """A record as SageMaker's ``write_spmatrix_to_sparse_tensor`` makes it, of three columns."""

    def part(number: int, content: bytes) -> bytes:
        return bytes([number << 3 | 2, len(content)]) + content

    tensor = part(1, struct.pack(f"<{len(values)}f", *values))
    if keys:
        tensor += part(2, bytes(keys)) + part(3, bytes([3]))
    message = part(1, part(1, b"values") + part(2, part(2, tensor)))
    return struct.pack("<II", 0xCED7230A, len(message)) + message + bytes(-len(message) % 4)


class Bad(NamedTuple):
    ask: Ask
    status: int
    said: str


READ = {
    "csv": CSV,
    "csv of another delimiter": Ask(b"0;0;0\r\n1;3;1", "text/csv; charset=utf-8"),
    "libsvm": Ask(b"0:0 1:0 2:0\n0:1 1:3 2:1\n", "text/libsvm"),
    "labelled libsvm": Ask(b"1 0:0 1:0 2:0\n0 0:1 1:3 2:1", "text/x-libsvm"),
    "sparse records": Ask(record([0, 1, 2], [0, 0, 0]) + record([0, 1, 2], [1, 3, 1]), RECORDS),
    "dense records": Ask(record([], [0, 0, 0]) + record([], [1, 3, 1]), RECORDS),
}
REFUSED = [
    Bad(Ask(b"[[0, 0, 0]]"), 415, "Content-type application/json not supported"),
    Bad(Ask(b"0,0,x", "text/csv"), 415, "Loading csv data failed with Exception"),
    Bad(Ask(b"0,0,0\n1", "text/csv"), 415, "Loading csv data failed with Exception"),
    Bad(Ask(b"0,0,inf", "text/csv"), 415, "Loading csv data failed with Exception"),
    Bad(Ask(b"0:0 x:1", "text/libsvm"), 415, "Loading libsvm data failed with Exception"),
    Bad(Ask(b"no", RECORDS), 415, "Loading recordio-protobuf data failed with Exception"),
    Bad(Ask(b"1,2,3,4,5", "text/csv"), 400, "Unable to evaluate payload provided"),
    Bad(Ask(CSV.body, "text/csv", "image/png"), 406, "Accept type image/png is not supported"),
]
FORMS = ("model.json", "model.ubj", "xgboost-model", "booster.pkl")
LISTS = [Ask(json.dumps(body).encode()) for body in (ROWS, {"features": ROWS}, {"instances": ROWS})]
SELECTED = {"SAGEMAKER_INFERENCE_OUTPUT": "predicted_label, probabilities, predicted_score"}
OF_OLD = sorted(path.name for path in OLD.glob("*-*.*"))


def algorithm(model: Path, *asks: Ask, **more: Any) -> Case:
    return Case({"xgboost-model": model}, asks, {**ALGORITHM, **more})


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Served]:
    """Every model of this file, asked everything, in one interpreter of XGBoost 3.0."""
    made = tmp_path_factory.mktemp("xgboost")
    run_in("xgboost-3.0", TRAIN, made)
    native = made / "xgboost-model"
    as_json = Ask(CSV.body, CSV.content_type, JSON)
    ways = [Ask(CSV.body, "text/csv", each) for each in (JSON, "application/jsonlines", "text/csv")]
    many = batches.requests(3)
    rows = batches.requests(3, kinds=["text/csv"])
    cases = {
        "native, many": Case(
            {"model.ubj": made / "model.ubj"}, many, GENERIC, together=batches.SIZE
        ),
        "pickle, many": Case({"model.pkl": made / "c.pkl"}, many, GENERIC, together=batches.SIZE),
        "algorithm, many": replace(algorithm(native, *rows), together=batches.SIZE),
        "selected, many": replace(
            algorithm(made / "multi.json", *rows, environment=SELECTED), together=batches.SIZE
        ),
        "algorithm": algorithm(native, *READ.values(), as_json, Ask(b"", "text/csv")),
        "refusals": algorithm(native, *(bad.ask for bad in REFUSED), CSV),
        "several": Case({"m-0": native, "m-1": made / "c.pkl"}, [CSV], ALGORITHM),
        "classes": algorithm(made / "multi.json", CSV),
        "selected": algorithm(native, *ways, environment=SELECTED),
        "script": Case(
            {"model.json": made / "model.json", "code/inference.py": SCRIPT}, [CSV], ALGORITHM
        ),
        **{
            name: Case({name: made / name, "config.json": "{}"}, [*LISTS, CSV], GENERIC)
            for name in FORMS
        },
        "classifier": Case({"model.pkl": made / "c.pkl"}, LISTS[:1], GENERIC),
        "too wide": Case({"m.ubj": made / "model.ubj"}, [Ask(b"[[1, 2, 3, 4, 5]]")], GENERIC),
        "broken": Case({"model.json": b'{"learner": 1}'}, (), GENERIC),
        **{name: algorithm(OLD / name, CSV) for name in OF_OLD},
    }
    return dict(zip(cases, serve("xgboost-3.0", list(cases.values())), strict=True))


def numbers(reply: Reply) -> list[float]:
    assert (reply.status, reply.kind) == (200, "text/csv"), reply
    return [float(cell) for cell in reply.body.split(b",")]


@pytest.mark.parametrize("name", READ)
def test_the_algorithm_s_content_types_are_answered_in_one_line_of_csv(
    served: dict[str, Served], name: str
) -> None:
    reply = served["algorithm"].replies[list(READ).index(name)]
    assert numbers(reply) == pytest.approx(ANSWERS)


def test_json_is_answered_where_it_is_asked_for(served: dict[str, Served]) -> None:
    answer = served["algorithm"].replies[-2].json
    assert [each["score"] for each in answer["predictions"]] == pytest.approx(ANSWERS)


def test_an_empty_body_is_no_content(served: dict[str, Served]) -> None:
    reply = served["algorithm"].replies[-1]
    assert (reply.status, reply.body) == (204, b"")


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_what_the_algorithm_refuses_has_the_status_that_it_has_on_aws(
    served: dict[str, Served], number: int
) -> None:
    reply, bad = served["refusals"].replies[number], REFUSED[number]
    assert (reply.status, bad.said in reply.error) == (bad.status, True), reply
    assert numbers(served["refusals"].replies[-1]) == pytest.approx(ANSWERS)


def test_several_models_answer_with_their_mean(served: dict[str, Served]) -> None:
    both = numbers(served["several"].replies[0])
    assert len(both) == 2
    assert both != pytest.approx(ANSWERS)


def test_several_classes_are_a_list_a_row_as_on_aws(served: dict[str, Served]) -> None:
    body = served["classes"].replies[0].body
    assert [len(row) for row in json.loads(b"[" + body + b"]")] == [3, 3]


def test_the_selected_output_is_answered(served: dict[str, Served]) -> None:
    whole, lines, csv = served["selected"].replies
    row = whole.json["predictions"][0]
    assert row["predicted_label"] == 0
    assert row["probabilities"] == pytest.approx([1 - ANSWERS[0], ANSWERS[0]])
    assert row["predicted_score"] != row["predicted_score"]  # NaN: the objective has none
    assert len(lines.body.splitlines()) == 2
    assert csv.body.startswith(b'0,"[0.788')


def test_a_script_of_the_framework_container_gets_a_dmatrix(served: dict[str, Served]) -> None:
    assert served["script"].replies[0].json == pytest.approx(ANSWERS)


@pytest.mark.parametrize("name", FORMS)
def test_on_the_generic_image_every_form_answers_json_and_csv(
    served: dict[str, Served], name: str
) -> None:
    for reply in served[name].replies:
        assert reply.json == pytest.approx(ANSWERS)


def test_a_pickled_classifier_answers_labels_on_the_generic_image(
    served: dict[str, Served],
) -> None:
    assert served["classifier"].replies[0].json == [0, 0]


def test_too_many_columns_are_the_caller_s_mistake(served: dict[str, Served]) -> None:
    assert served["too wide"].replies[0].status == 400


@pytest.mark.parametrize("name", OF_OLD)
def test_models_of_versions_long_gone_answer_as_they_did(
    served: dict[str, Served], name: str
) -> None:
    answers = numbers(served[name].replies[0])
    if "classifier" in name:
        assert answers[0] < answers[1] < 0.5
    else:
        assert answers == pytest.approx(ANSWERS)
    rescued = "classifier" in name or name == "booster-0.90.pkl"
    assert ("an old pickle, of which the booster alone is used" in served[name].log) == rescued


def test_a_file_that_is_no_model_is_a_failure_to_load(served: dict[str, Served]) -> None:
    assert served["broken"].cause == "ModelLoad"
    assert "model.json is no model that XGBoost 3.0.5 reads: " in served["broken"].message


def test_a_model_too_old_for_the_newest_version_says_which_image_reads_it() -> None:
    cases = [Case({"model.bin": OLD / "binary-1.2.bin"}, (), GENERIC)]
    cases.append(Case({"model.pkl": OLD / "booster-0.90.pkl"}, (), GENERIC))
    for told in serve("xgboost", cases):
        assert told.cause == "ModelLoad"
        assert "sagemaker-xgboost:3.0-5" in told.message


@pytest.mark.parametrize("name", ["native", "pickle", "algorithm", "selected"])
def test_a_batch_answers_as_each_alone(served: dict[str, Served], name: str) -> None:
    many = served[f"{name}, many"]
    assert many.batch_max == 32
    batches.check_same(many, exact=True)
