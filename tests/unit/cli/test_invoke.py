import io
import sys
from pathlib import Path

import pytest

from hostler.cli import invoke
from hostler.cli.output import CommandError


def test_a_payload_is_text_a_file_or_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "body.bin"
    file.write_bytes(b"\x93NUMPY")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xffpiped")))
    assert invoke.read_payload("ä") == "ä".encode()
    assert invoke.read_payload(f"@{file}") == b"\x93NUMPY"
    assert invoke.read_payload("-") == b"\xffpiped"


@pytest.mark.parametrize("name", ["missing", "."])
def test_a_payload_that_cannot_be_read_is_said(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError, match=rf"--body @{name}: "):
        invoke.read_payload(f"@{name}")


def test_the_models_own_error_is_told_with_the_way_to_its_log() -> None:
    response = {
        "OriginalStatusCode": 500,
        "OriginalMessage": "ZeroDivisionError: division by zero",
        "Error": {"Message": "Received server error (500) from primary"},
    }
    line = invoke.model_failed("rc-project-a-x-ep", response)
    assert line == (
        "the model answered 500: ZeroDivisionError: division by zero "
        "(its log: `hostler logs rc-project-a-x-ep`)"
    )
    long = invoke.model_failed("e", response | {"OriginalMessage": "x" * 10_000})
    assert len(long) < 1_100


@pytest.mark.parametrize(
    ("answer", "text"),
    [(b"[1, 2]\n", True), ("ä→".encode(), True), (b"\x93NUM", False), (b"\0", False)],
)
def test_bytes_are_told_from_text(answer: bytes, text: bool) -> None:
    assert invoke.is_text(answer) is text
