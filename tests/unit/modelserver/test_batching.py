"""How many requests a batch takes, and a script's own hook for several."""

import json
from pathlib import Path

import pytest

from hostler.modelserver import contract
from hostler.modelserver.batching import QUICK_NS, SLOW_NS, Pace, Rows
from hostler.modelserver.failures import LoadFailure
from hostler.modelserver.settings import Settings

DOUBLES = """
sizes = []

def predict_batch_fn(batch, model):
    sizes.append(len(batch))
    if any(each < 0 for each in batch):
        raise ValueError("a negative number")
    return [[each * 2, list(sizes)] for each in batch]
"""


def load(folder: Path, script: str, **environment: str) -> contract.Model:
    (folder / "code").mkdir()
    (folder / "code/inference.py").write_text(script)
    told = Settings(socket_dir=str(folder), model_dir=str(folder), environment=environment)
    return contract.load(told)


def ask(model: contract.Model, *bodies: bytes) -> list[contract.Answer]:
    return model.invoke_many([(b"", body) for body in bodies])


def values(answers: list[contract.Answer]) -> list[object]:
    return [json.loads(body)[0] if status == 200 else status for status, _, body in answers]


def test_the_hook_gets_a_list_and_each_request_its_own_answer(tmp_path: Path) -> None:
    model = load(tmp_path, DOUBLES)
    assert model.batch_max == 32
    answers = ask(model, b"3", b"1", b"2")
    assert [json.loads(body) for _, _, body in answers] == [[6, [3]], [2, [3]], [4, [3]]]


def test_one_bad_request_fails_for_itself_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    answers = ask(load(tmp_path, DOUBLES), b"3", b"no JSON", b"-1", b"2")
    assert values(answers) == [6, 400, 500, 4]
    assert answers[2][2] == b"ValueError: a negative number"
    said = "predict_batch_fn failed for 3 requests, each is asked alone: ValueError: a negative"
    assert said in capfd.readouterr().err


def test_a_request_alone_is_a_list_of_one_unless_there_is_a_predict_fn(tmp_path: Path) -> None:
    assert json.loads(load(tmp_path, DOUBLES).invoke(b"", b"3")[2]) == [6, [1]]
    other = tmp_path / "other"
    other.mkdir()
    model = load(other, DOUBLES + "def predict_fn(data, model):\n    return [data, 'alone']\n")
    assert json.loads(model.invoke(b"", b"3")[2]) == [3, "alone"]
    assert values(ask(model, b"3", b"-1", b"2")) == [3, -1, 2]
    assert values(ask(model, b"3", b"2")) == [6, 4]


LABELLED = """
class Series(list):
    "As pandas' answers by label: each request's frame has but the label 0."
    iloc = property(lambda self: list(self))

    def __getitem__(self, label):
        return list(self) if label == 0 else {}[label]

def input_fn(data, content_type):
    return float(data)

def predict_batch_fn(batch, model):
    return Series([each] for each in batch)
"""


def test_predictions_are_taken_by_their_place_and_not_by_a_label(tmp_path: Path) -> None:
    assert values(ask(load(tmp_path, LABELLED), b"1", b"2", b"3")) == [1.0, 2.0, 3.0]


def test_predictions_without_an_order_are_asked_for_one_by_one(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Keys are no places: two fields of an answer are not the answers to two requests."""
    code = "def predict_batch_fn(batch, model):\n    return {0: [batch[0]], 1: ['a field']}\n"
    model = load(tmp_path, code + "def predict_fn(data, model):\n    return [data]\n")
    assert values(ask(model, b"1", b"2")) == [1, 2]
    assert "returned a dict: return a list" in capfd.readouterr().err


def test_too_few_predictions_are_nobody_s_answer(tmp_path: Path) -> None:
    model = load(tmp_path, "def predict_batch_fn(batch, model):\n    return batch[1:]\n")
    status, _, body = ask(model, b"1", b"2")[0]
    assert status == 500
    assert body == b"ValueError: predict_batch_fn returned 0 predictions for 1"


def test_input_and_output_have_each_request_s_own_context(tmp_path: Path) -> None:
    model = load(
        tmp_path,
        "def input_fn(data, content_type, context):\n"
        "    return context.get_request_header(0, 'accept')\n"
        "def predict_batch_fn(batch, model):\n    return batch\n"
        "def output_fn(prediction, accept, context):\n"
        "    context.set_response_status(201 if accept == 'a/b' else 202)\n"
        "    return prediction\n",
    )
    answers = model.invoke_many([(b"\0a/b", b""), (b"\0c/d", b"")])
    assert [(status, body) for status, _, body in answers] == [(201, b"a/b"), (202, b"c/d")]


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("def predict_batch_fn(batch, model, context):\n    return batch\n", "gets no context"),
        (DOUBLES + "def transform_fn(model, data, kind, accept):\n    return data\n", "together"),
        ("async def predict_batch_fn(batch, model):\n    return batch\n", "is async"),
    ],
)
def test_a_hook_that_cannot_work_is_refused_while_loading(
    tmp_path: Path, script: str, said: str
) -> None:
    with pytest.raises(LoadFailure, match=said):
        load(tmp_path, script)


@pytest.mark.parametrize(
    ("given", "batch_max"), [("", 32), ("x", 32), ("0", 1), ("1", 1), ("64", 64), ("9999", 128)]
)
def test_a_batch_s_size_is_the_user_s(tmp_path: Path, given: str, batch_max: int) -> None:
    assert load(tmp_path, DOUBLES, SAGEMAKER_TS_BATCH_SIZE=given).batch_max == batch_max


def test_scripts_without_the_hook_are_asked_one_by_one(tmp_path: Path) -> None:
    model = load(tmp_path, "def predict_fn(data, model):\n    return [data]\n")
    assert model.batch_max == 1
    assert values(ask(model, b"3", b"1")) == [3, 1]


def test_batches_grow_while_they_are_quick_and_shrink_when_one_was_slow() -> None:
    pace = Pace(32)
    sizes = []
    for _ in range(7):
        sizes.append(pace.count)
        pace.took(pace.count, QUICK_NS - 1)
    assert sizes == [1, 2, 4, 8, 16, 32, 32]
    pace.took(3, QUICK_NS - 1)
    assert pace.count == 32
    pace.took(32, SLOW_NS)
    assert pace.count == 32, "neither slow nor quick"
    pace.took(32, SLOW_NS + 1)
    assert pace.count == 16
    pace.took(1, SLOW_NS + 1)
    assert pace.count == 1


def test_a_model_that_takes_long_for_one_request_never_gets_two() -> None:
    pace = Pace(32)
    pace.took(1, QUICK_NS)
    assert pace.count == 1


def test_predictions_that_are_not_one_a_row_are_not_cut() -> None:
    class Table(list[int]):
        """Stands in for an array, which this environment has no library for."""

    class Joining:
        @staticmethod
        def concatenate(tables: list[Table]) -> list[int]:
            return sum(tables, Table())

    rows = Rows(Joining, lambda data: data, lambda table: [sum(table)])
    with pytest.raises(ValueError, match="1 predictions for 3 rows"):
        rows.predict([Table([1]), Table([2, 3])])
    rows = Rows(Joining, lambda data: data, lambda table: [each * 2 for each in table])
    assert rows.predict([Table([1]), Table([2, 3])]) == [[2], [4, 6]]
