"""The toolkit's contract with scripts that need nothing but Python."""

import contextlib
import json
import tracemalloc
from pathlib import Path

import pytest

from contract_scripts import MODEL_FN, ask, load


def test_the_three_steps_in_order(tmp_path: Path) -> None:
    model = load(
        tmp_path,
        MODEL_FN
        + "def input_fn(data, content_type):\n    return [content_type, data]\n"
        + "def predict_fn(data, model):\n    return [*data, model]\n"
        + "def output_fn(prediction, accept):\n    return repr([*prediction, accept])\n",
    )
    status, meta, body = ask(model, b'{"a": 1}', "application/json", "text/x")
    assert (status, meta[0]) == (200, "text/x")
    assert body == b"""['application/json', '{"a": 1}', 2, 'text/x']"""


def test_text_types_arrive_as_text_and_others_as_bytes(tmp_path: Path) -> None:
    model = load(
        tmp_path, "def transform_fn(model, data, content_type, accept):\n    return repr(data)\n"
    )
    assert ask(model, b"1,2", "text/csv; charset=utf-8")[2] == b"'1,2'"
    assert ask(model, b"1,2", "application/x-thing")[2] == b"b'1,2'"
    assert ask(model, b"1,2")[2] == b"'1,2'"  # without a type: JSON, as in AWS's containers


def test_text_that_is_not_utf8_is_the_callers_fault(tmp_path: Path) -> None:
    model = load(tmp_path, "def transform_fn(model, data, kind, accept):\n    return data\n")
    assert ask(model, b"\xff", "text/csv")[0] == 400


@pytest.mark.parametrize("accept", ["", "*/*", " */* ", "*/*;q=0.8"])
def test_an_accept_that_asks_for_nothing_becomes_the_default(tmp_path: Path, accept: str) -> None:
    script = "def transform_fn(model, data, kind, accept):\n    return accept\n"
    assert ask(load(tmp_path, script), b"", "", accept)[2] == b"application/json"
    model = load(tmp_path, script, SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT="text/csv")
    assert ask(model, b"", "", accept)[1:] == (["text/csv"], b"text/csv")


def test_a_result_may_name_its_content_type(tmp_path: Path) -> None:
    script = "def transform_fn(model, data, kind, accept):\n    return b'x', 'image/png'\n"
    assert ask(load(tmp_path, script), b"") == (200, ["image/png"], b"x")


@pytest.mark.parametrize(
    ("expression", "body"),
    [
        ("b'x'", b"x"),
        ("bytearray(b'x')", b"x"),
        ("memoryview(b'x')", b"x"),
        ("'ä'", "ä".encode()),
        ("{'a': [1, 2.5, None]}", b'{"a":[1,2.5,null]}'),
        ("[2**70]", b"[1180591620717411303424]"),
        ("{'a': float('nan'), 'b': None}", b'{"a":NaN,"b":null}'),
        ("[float('-inf'), 1.5]", b"[-Infinity,1.5]"),
    ],
)
def test_results_of_every_kind_become_a_body(tmp_path: Path, expression: str, body: bytes) -> None:
    script = f"def transform_fn(model, data, kind, accept):\n    return {expression}\n"
    assert ask(load(tmp_path, script), b"")[2].replace(b" ", b"") == body


def test_a_forgotten_return_is_said(tmp_path: Path) -> None:
    model = load(tmp_path, "def transform_fn(model, data, kind, accept):\n    pass\n")
    status, meta, _ = ask(model, b"")
    assert (status, meta[3]) == (500, "TypeError: the script returned None instead of a body")


@pytest.mark.parametrize(
    "definition",
    [
        "def predict_fn(data, model, context):\n    return context.get_request_header(0, 'accept')",
        "def predict_fn(data, model, context=None):\n    return context and 'text/x'",
        "def predict_fn(data, model, *, context):\n    return context and 'text/x'",
        "def predict_fn(data, model, scale=1):\n    return 'text/x' if scale == 1 else 'wrong'",
        "def predict_fn(data, *, note=''):\n    return 'text/x'",
        "def predict_fn(*given):\n    return 'text/x' if len(given) == 2 else 'wrong'",
        "def predict_fn(data):\n    return 'text/x'",
        "class P:\n    def __call__(self, data, model):\n        return 'text/x'\npredict_fn = P()",
    ],
)
def test_every_signature_of_a_hook(tmp_path: Path, definition: str) -> None:
    steps = "def output_fn(prediction, accept):\n    return prediction\n"
    model = load(tmp_path, f"{MODEL_FN}{steps}{definition}\n")
    assert ask(model, b"1", "application/json", "text/x")[::2] == (200, b"text/x")


def test_a_context_reads_the_request_and_shapes_the_answer(tmp_path: Path) -> None:
    model = load(
        tmp_path,
        "def transform_fn(model, data, kind, accept, context):\n"
        "    seen = context.request_processor[0].get_request_properties()\n"
        "    context.set_response_header(0, 'X-Amzn-SageMaker-Custom-Attributes', 'a=1')\n"
        "    context.set_response_header(0, 'X-Amzn-SageMaker-New-Session-Id', 's; Expires=x')\n"
        "    context.set_response_content_type(0, 'text/plain')\n"
        "    return repr((seen['X-Amzn-SageMaker-Custom-Attributes'],\n"
        "                 context.system_properties['model_dir'] != ''))\n",
    )
    status, meta, body = ask(model, b"", "text/csv", "", "trace")
    assert (status, meta) == (200, ["text/plain", "a=1", "s; Expires=x"])
    assert body == b"('trace', True)"


def test_a_status_set_on_the_context_is_a_model_error(tmp_path: Path) -> None:
    model = load(
        tmp_path,
        "def transform_fn(model, data, kind, accept, context):\n"
        "    context.set_response_status(429, 'busy')\n    return 'come back'\n",
    )
    status, meta, body = ask(model, b"")
    assert (status, meta[3], body) == (429, "come back", b"come back")


def test_warm_up_and_pre_model_hooks_run_once_in_order(tmp_path: Path) -> None:
    model = load(
        tmp_path,
        "seen = []\n"
        "def pre_model_fn(model_dir):\n    seen.append('pre')\n"
        "def model_fn(model_dir):\n    seen.append('model')\n    return seen\n"
        "def model_warmup_fn(model_dir, model):\n    model.append('warm')\n"
        "def transform_fn(model, data, kind, accept):\n    return model\n",
    )
    assert json.loads(ask(model, b"")[2]) == ["pre", "model", "warm"]


def test_what_the_script_raises_is_answered_and_traced(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    script = (
        MODEL_FN + "def predict_fn(data, model):\n    raise KeyError('a\\nb')\n"
        "def output_fn(p, accept):\n    return p\n"
    )
    status, meta, body = ask(load(tmp_path, script), b"1")
    assert (status, meta[3], body) == (500, r"KeyError: 'a\nb'", rb"KeyError: 'a\nb'")
    traced = capfd.readouterr().err
    assert "inference.py" in traced
    assert "line 4, in predict_fn" in traced
    assert "contract.py" not in traced


@pytest.mark.parametrize(
    ("raised", "status"),
    [
        ("type('E', (Exception,), {'status_code': 422})('no')", 422),
        ("type('E', (Exception,), {'code': 404, 'description': 'x'})('no')", 404),
        ("type('E', (Exception,), {'code': 404})('no')", 500),
        ("type('E', (Exception,), {'status_code': 200})('no')", 500),
        ("SystemExit(1)", 500),
        ("MemoryError()", 500),
        ("RecursionError('deep')", 500),
    ],
)
def test_a_status_that_an_exception_carries_is_respected(
    tmp_path: Path, raised: str, status: int
) -> None:
    model = load(tmp_path, f"def transform_fn(model, data, kind, accept):\n    raise {raised}\n")
    assert ask(model, b"")[0] == status


def test_a_reply_never_carries_a_raw_line_break_or_nul_in_its_meta(tmp_path: Path) -> None:
    script = "def transform_fn(model, data, kind, accept):\n    return b'x', 'a/b\\r\\nX: \\0€'\n"
    assert ask(load(tmp_path, script), b"")[1] == ["a/b  X: ?"]


def test_a_response_object_may_hold_text(tmp_path: Path) -> None:
    script = (
        "class R:\n    mimetype = 'text/x'\n    def get_data(self):\n        return 'ä'\n"
        "def transform_fn(model, data, kind, accept):\n    return R()\n"
    )
    assert ask(load(tmp_path, script), b"") == (200, ["text/x"], "ä".encode())


def test_a_content_type_of_its_own_for_each_answer_costs_no_memory(tmp_path: Path) -> None:
    """A boundary of a multipart body; a body where the type should be."""
    script = (
        "def transform_fn(model, data, kind, accept):\n"
        "    return b'x', data.decode().rjust(70_000 if data[0] == 48 else 1_000)\n"
    )
    model = load(tmp_path, script)
    tracemalloc.start()
    try:
        for number in range(1_000, 6_000):
            ask(model, b"%d" % number, "a/b")
        for number in range(100):
            ask(model, b"0%d" % number, "a/b")
        assert tracemalloc.get_traced_memory()[0] < 2 << 20
    finally:
        tracemalloc.stop()


def test_what_goes_wrong_is_answered_where_nothing_can_be_printed(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "def transform_fn(model, data, kind, accept):\n    sys.stderr.close()\n    return data\n"
    )
    with (tmp_path / "log").open("w") as log, contextlib.redirect_stderr(log):
        assert ask(load(tmp_path, script), b"", "a/b")[0] == 200
        assert ask(load(tmp_path, script), b"\xff", "text/csv")[0] == 400


def test_an_exception_that_cannot_even_be_asked_for_its_status_is_a_500(tmp_path: Path) -> None:
    script = (
        "class Odd(Exception):\n    @property\n    def code(self):\n        raise ValueError\n"
        "def transform_fn(model, data, kind, accept):\n    raise Odd\n"
    )
    assert ask(load(tmp_path, script), b"", "a/b")[0] == 500


class TestDefaults:
    """Steps that a script leaves out, in the generic image without numpy's help."""

    def test_a_model_with_predict(self, tmp_path: Path) -> None:
        model = load(
            tmp_path,
            "class M:\n    def predict(self, rows):\n        return [len(rows)]\n"
            "def model_fn(d):\n    return M()\n",
        )
        for body in (b'{"features": [[1], [2]]}', b'{"instances": [[1], [2]]}', b"[[1], [2]]"):
            status, meta, answer = ask(model, body, "application/json")
            assert (status, meta[0], json.loads(answer)) == (200, "application/json", [2])
        assert json.loads(ask(model, b"1,2\n3,4\n5,6\n", "text/csv")[2]) == [3]
        assert ask(model, b"1,2", "text/csv", "text/csv")[1:] == (["text/csv"], b"1\n")

    def test_a_callable_model(self, tmp_path: Path) -> None:
        model = load(tmp_path, "def model_fn(d):\n    return lambda data: {'got': 'it'}\n")
        assert json.loads(ask(model, b"1")[2]) == {"got": "it"}

    @pytest.mark.parametrize(
        ("body", "content_type", "accept", "status"),
        [
            (b"x", "image/png", "", 415),
            (b"{", "application/json", "", 400),
            (b"[" * 100_000, "application/json", "", 400),
            (b"", "application/json", "", 400),
            (b"", "text/csv", "", 400),
            (b"1,2\n3", "text/csv", "", 400),
            (b"a,b\n1,2", "text/csv", "", 400),
            (b"\xff", "text/csv", "", 400),
            (b"1", "application/json", "image/png", 406),
            (b"1", "application/json", "application/json;q=0", 406),
        ],
    )
    def test_what_the_caller_does_wrong(
        self, tmp_path: Path, body: bytes, content_type: str, accept: str, status: int
    ) -> None:
        model = load(tmp_path, "def model_fn(d):\n    return lambda data: data\n")
        answered, meta, text = ask(model, body, content_type, accept)
        assert answered == status
        assert meta[3].encode() == text
        assert ask(model, b"1")[0] == 200

    def test_python_s_own_nan_is_read(self, tmp_path: Path) -> None:
        model = load(tmp_path, "def model_fn(d):\n    return lambda data: str(data)\n")
        assert b"nan" in ask(model, b"[NaN, 1]")[2]
