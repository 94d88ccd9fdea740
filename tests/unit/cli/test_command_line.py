"""The command line as it is typed: what needs no running Hostler."""

import contextlib
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hostler import __version__
from hostler.cli import main as command

Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def typed(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Typed:
    """Types a command line; (exit code, standard output, standard error)."""
    monkeypatch.setenv("HOSTLER_DATA_DIR", str(tmp_path / "none"))

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["hostler", *words])
        with pytest.raises(SystemExit) as end:
            command.main()
        captured = capfd.readouterr()
        return int(end.value.code or 0), captured.out, captured.err

    return run


def test_the_version_is_told(typed: Typed) -> None:
    assert typed("--version") == (0, f"hostler {__version__}\n", "")


def test_help_names_every_command(typed: Typed) -> None:
    code, out, _ = typed("--help")
    assert code == 0
    for name in ("up", "down", "status", "env", "bootstrap", "demo", "logs", "rollout", "invoke"):
        assert f" {name} " in out


@pytest.mark.parametrize("words", [(), ("config",), ("account",), ("runtimes",)])
def test_without_a_command_help_is_shown_and_it_was_asked_wrongly(
    typed: Typed, words: tuple[str, ...]
) -> None:
    code, out, err = typed(*words)
    assert code == 2
    assert " ".join(("Usage: hostler", *words)) in out
    assert not err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("frobnicate",), "No such command 'frobnicate': see `hostler --help`"),
        (("up", "--gatewys", "2"), "see `hostler up --help`"),
        (("up", "--port", "http"), "'--port'"),
        (("invoke",), "see `hostler invoke --help`"),
        (("logs",), "Missing argument 'ENDPOINT'"),
        (("bootstrap", "--company", "acme"), "Missing option"),
    ],
)
def test_a_command_that_cannot_be_read_is_one_line_and_two(
    typed: Typed, words: tuple[str, ...], said: str
) -> None:
    code, out, err = typed(*words)
    assert code == 2
    assert not out
    assert err.startswith("hostler: ")
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("up", "--region", "mars"), "--region must be a region like us-east-1"),
        (("up", "--account", "1"), "--account must be 12 digits"),
        (("up", "--port", "70000"), "--port must be a whole number from 1 to 65535"),
        (("up", "--gateways", "0"), "--gateways must be a whole number from 1 to 64"),
        (("up", "--data-dir", "/tmp/" + "d" * 80), "at most 70 bytes"),
        (("up", "--data-dir", "/proc/1/x"), "--data-dir"),
        (("up", "--detach", "--data-dir", "/proc/1/x"), "--data-dir"),
        (("up", "--data-dir", "~nobody-of-that-name/x"), "--data-dir"),
        (("account", "create", "12345"), "an account is 12 digits"),
        (("account", "create", "111122223333"), "no Hostler data directory yet"),
        (("account", "list"), "no Hostler data directory yet"),
        (("status",), "no Hostler data directory yet: start it with `hostler up"),
        (("down",), "no Hostler data directory yet"),
        (("env",), "no Hostler data directory yet"),
        (("logs", "x"), "no Hostler data directory yet"),
        (("invoke", "x", "--body", "1"), "no Hostler data directory yet"),
        (
            ("bootstrap", "--company", "acme", "--team", "rc", "--project", "p"),
            "no Hostler data directory yet",
        ),
        (
            ("bootstrap", "--company", "Acme Inc", "--team", "rc", "--project", "p"),
            "--company must be lower-case letters",
        ),
    ],
)
def test_what_cannot_be_done_is_one_line_with_the_remedy(
    typed: Typed, words: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "execve", _in_a_process_of_its_own)
    code, out, err = typed(*words)
    assert code == 1, err
    assert not out
    assert err.startswith("hostler: ")
    assert said in err
    assert err.count("\n") == 1


def _in_a_process_of_its_own(program: str, words: list[str], environ: dict[str, str]) -> None:
    """What `up` becomes, without replacing the process of the tests."""
    done = subprocess.run(words, executable=program, env=environ, close_fds=False, check=False)
    raise SystemExit(done.returncode)


def test_a_variable_with_a_bad_region_is_blamed_for_it(
    typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "EU (Ireland)")
    code, _, err = typed("up")
    assert code == 1
    assert "AWS_REGION" in err


def test_machines_are_told_that_it_does_not_run(typed: Typed, tmp_path: Path) -> None:
    home = tmp_path / "none"
    home.mkdir()
    (home / "hostler.lock").touch()
    (home / "config.json").write_text(
        json.dumps({"data_dir": str(home), "port": 4747, "region": "us-east-1"})
    )
    code, out, err = typed("status", "--json")
    assert code == 1
    assert json.loads(out) == {"state": "not running", "ready": False, "left_behind": 0}
    assert "not running" in err
    assert typed("down", "--json")[0] == 0


def test_a_reader_that_leaves_early_is_no_failure_of_ours(tmp_path: Path) -> None:
    script = f"{sys.executable} -m hostler.cli.main --help | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["/bin/bash", "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.strip() in ("0", "1")
    assert not done.stderr


def test_a_terminal_without_our_typography_is_no_failure(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hostler.cli.main", "invoke", "ä→", "--help"],
        capture_output=True,
        check=False,
        env=os.environ | {"PYTHONIOENCODING": "ascii", "COLUMNS": "80"},
    )
    assert done.returncode == 0
    assert not done.stderr


@pytest.mark.parametrize("asked", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_that_is_to_be_plain_gets_no_escapes(
    asked: dict[str, str],
) -> None:
    ours, theirs = pty.openpty()
    script = (
        "import sys; from hostler.cli.commands import run\n"
        "from hostler.cli.output import fail, table; from hostler.cli.up import _spinner\n"
        "with _spinner('waiting'): table(('name',), [('a',)])\n"
        "sys.argv[1:] = ['config']\n"
        "try: run()\n"
        "except SystemExit: fail('so it is')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        stdout=theirs,
        stderr=theirs,
        check=False,
        env=os.environ | {"TERM": "xterm-256color"} | asked,
    )
    os.close(theirs)
    text = b""
    with os.fdopen(ours, "rb", buffering=0) as terminal, contextlib.suppress(OSError):  # its end
        while piece := terminal.read(65536):  # a terminal gives a page at a time
            text += piece
    assert done.returncode == 1
    assert text.startswith(b"name\r\na\r\n")
    assert b"Usage: hostler config" in text
    assert text.endswith(b"\nhostler: so it is\r\n")
    assert b"\033" not in text


INTERRUPTS = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n"


def test_an_interrupt_while_a_command_loads_ends_it_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text(INTERRUPTS)
    done = subprocess.run(
        [sys.executable, "-m", "hostler.cli.main", "status"],
        capture_output=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


LISTING = """
import sys
from hostler.cli import main
from hostler.cli.commands import command_line
command_line(%s)
print(*sys.modules)
"""


@pytest.mark.parametrize("words", [["env"], []])
def test_commands_that_call_nothing_do_not_load_what_calls(words: list[str]) -> None:
    loaded = {name.partition(".")[0] for name in _loaded_for(words)}
    assert not {"boto3", "botocore", "pydantic", "sqlalchemy", "uvicorn", "starlette"} & loaded


def test_a_command_does_not_load_the_others() -> None:
    assert {
        name for name in _loaded_for(["env", "--as", "status"]) if "cli" in name.split(".")
    } == {
        "hostler.cli",
        "hostler.cli.commands",
        "hostler.cli.env",
        "hostler.cli.failures",
        "hostler.cli.keyring",
        "hostler.cli.main",
        "hostler.cli.output",
        "hostler.cli.trust",
    }


def _loaded_for(words: list[str]) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", LISTING % words], capture_output=True, text=True, check=True
    )
    return done.stdout.split()
