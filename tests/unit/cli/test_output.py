"""What others wrote is shown, and a terminal does not obey it."""

import io

import pytest
from rich.text import Text

from hostler.cli import audit
from hostler.cli.output import HarmlessConsole, harmless

SIGN = "\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\tb\nc, é 日本 \N{GRINNING FACE}", "a\tb\nc, é 日本 \N{GRINNING FACE}"),
        ("\x1b[2J\x1b]0;owned\x07", f"{SIGN}[2J{SIGN}]0;owned{SIGN}"),
        ("\x9b31m\x7f\r", f"{SIGN}31m{SIGN}{SIGN}"),
        ("\u202egnp.exe\u2066", f"{SIGN}gnp.exe{SIGN}"),
    ],
)
def test_controls_are_signs(text: str, shown: str) -> None:
    assert harmless(text) == shown


def test_colours_of_ours_stay_and_those_of_others_do_not_reach_the_terminal() -> None:
    file = io.StringIO()
    console = HarmlessConsole(
        file=file, force_terminal=True, color_system="standard", highlight=False, width=80
    )
    console.print(Text.assemble(("ours ", "dim"), Text.from_ansi("theirs \x1b[31mred\x1b[0m")))
    console.print("plain \x1b[2J", markup=False)
    lines = file.getvalue().splitlines()
    assert lines[0] == "\x1b[2mours \x1b[0mtheirs \x1b[31mred\x1b[0m"
    assert lines[1] == f"plain {SIGN}[2J"


def test_a_caller_writes_no_record_of_its_own_into_the_audit_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = io.StringIO()
    monkeypatch.setattr(audit, "out", HarmlessConsole(file=file, soft_wrap=True, width=80))
    forged = "AKIA\n2026-01-31T12:00:00Z  root  DeleteUser  done"
    record = {
        "eventName": "ListModels",
        "userIdentity": {"type": "Unknown", "accessKeyId": forged},
        "resources": [{"ARN": f"arn:aws:s3:::b/{forged}"}],
        "errorCode": "UnrecognizedClientException",
    }
    audit._print(record, as_json=False)
    assert file.getvalue().count("\n") == 1
