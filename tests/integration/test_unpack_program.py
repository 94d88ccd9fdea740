"""The unpacking program as control runs it: an archive on a descriptor, one line back."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import hostler.modelserver
from archives import archive

PROGRAM = Path(hostler.modelserver.__file__).with_name("unpack.py")


def command(into: Path, *limits: str) -> list[str | Path]:
    return [sys.executable, "-I", "-S", PROGRAM, "--fd", "0", "--into", into, *limits]


def last_line(output: bytes) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(output.splitlines()[-1])
    return told


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "into"
    folder.mkdir()
    return folder


def test_an_archive_is_unpacked_and_counted(into: Path) -> None:
    data = archive({"model.bin": b"12345", "code/inference.py": "pass\n"})
    done = subprocess.run(command(into), input=data, capture_output=True, check=False)
    assert (done.returncode, last_line(done.stdout)) == (0, {"ok": True, "files": 2, "bytes": 10})
    assert (into / "model.bin").read_bytes() == b"12345"


def test_a_limit_of_the_command_line_holds(into: Path) -> None:
    data = archive({"model.bin": b"12345"})
    done = subprocess.run(
        command(into, "--bytes-max", "4"), input=data, capture_output=True, check=False
    )
    told = last_line(done.stdout)
    assert (done.returncode, told["cause"]) == (1, "HostileArchive")
    assert list(into.iterdir()) == []


@pytest.mark.parametrize(
    ("limits", "number", "cause"),
    [(["--deadline-s", "0.5"], None, "DownloadTimeout"), ([], signal.SIGTERM, "Platform")],
)
def test_one_that_does_not_end_is_given_up_and_leaves_nothing(
    into: Path, limits: list[str], number: signal.Signals | None, cause: str
) -> None:
    data = archive({"first.bin": os.urandom(100_000), "second.bin": os.urandom(100_000)})
    reader, writer = os.pipe()
    with subprocess.Popen(command(into, *limits), stdin=reader, stdout=subprocess.PIPE) as program:
        os.close(reader)
        with os.fdopen(writer, "wb", buffering=0) as rest:
            with contextlib.suppress(BrokenPipeError):  # its time was up before it read that far
                rest.write(data[:-20_000])
            if number is not None:
                while not list(into.iterdir()):
                    assert program.poll() is None
                program.send_signal(number)
            output, _ = program.communicate()
    assert (program.returncode, last_line(output)["cause"]) == (1, cause)
    assert list(into.iterdir()) == []
