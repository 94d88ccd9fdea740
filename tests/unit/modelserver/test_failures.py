"""Failures are told whatever the model's code did to its exceptions and its streams."""

import io
from pathlib import Path
from typing import Any

import pytest

from hostler.domain.instance import FailureCause
from hostler.modelserver import failures


class MuteError(Exception):
    def __str__(self) -> str:
        raise ValueError("no text today")


class BrokenStream(io.StringIO):
    def write(self, _text: str, /) -> int:
        raise RuntimeError("not like this")


def test_every_cause_that_a_model_server_names_is_one_that_control_knows() -> None:
    told = {
        name: value
        for name, value in vars(failures).items()
        if name.isupper() and isinstance(value, str) and not name.startswith("_")
    }
    assert told == {name: FailureCause[name].value for name in told}
    assert "OUT_OF_MEMORY" in told


def test_an_exception_that_cannot_be_printed_is_named_by_its_type() -> None:
    assert failures.describe(MuteError()) == "MuteError"


@pytest.mark.parametrize("replaced", ["closed", "broken", "absent"])
def test_a_traceback_reaches_standard_error_though_the_model_took_the_stream(
    replaced: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    stream: io.StringIO | None = {"closed": io.StringIO(), "broken": BrokenStream()}.get(replaced)
    if stream is not None and replaced == "closed":
        stream.close()
    with monkeypatch.context() as patch:
        patch.setattr("sys.stderr", stream)
        failures.print_trace(ValueError("the cause"))
    assert "ValueError: the cause" in capfd.readouterr().err


def test_the_place_of_a_failure_is_found_where_there_is_no_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script that worked in a temporary folder, of which nothing is left."""
    script = tmp_path / "code" / "inference.py"
    script.parent.mkdir()
    script.write_text("import importlib\ndef model_fn(d):\n    importlib.import_module(d)\n")
    found: dict[str, Any] = {}
    exec(compile(script.read_text(), script, "exec"), found)
    with pytest.raises(ModuleNotFoundError) as caught:
        found["model_fn"]("absent")
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert failures.place(caught.value.__traceback__, str(script.parent))[1:] == (3, "model_fn")
