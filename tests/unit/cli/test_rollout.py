"""`hostler rollout`: in words, and which update it tells of."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from hostler.cli import rollout
from hostler.cli.output import CommandError
from hostler.cli.rollout import lines
from hostler.toolkit.connection import Connection
from hostler.toolkit.credentials import Key
from played_s3 import playing

UNDER_WAY = {
    "EndpointName": "demo",
    "EndpointStatus": "Updating",
    "EndpointConfigName": "v1",
    "LastModifiedTime": "2026-11-28T09:00:00+00:00",
    "FailureReason": None,
    "Steps": [
        {
            "Status": "Baking",
            "Message": "Step 1 of 2, 0.1 of the traffic, until 2026-11-28T09:01:00Z.",
            "Since": "2026-11-28T09:00:00Z",
        }
    ],
    "Alarms": {"errors": "OK", "latency": "deleted"},
    "Fleets": [],
}


def test_the_step_and_the_alarms_are_told() -> None:
    assert list(lines(UNDER_WAY)) == [
        "demo is Updating on v1",
        (
            "  2026-11-28T09:00:00Z  Baking: Step 1 of 2, 0.1 of the traffic, until "
            "2026-11-28T09:01:00Z."
        ),
        "  alarm errors is OK",
        "  alarm latency is deleted",
    ]


def test_afterwards_it_is_told_why_it_was_taken_back() -> None:
    after = {
        **UNDER_WAY,
        "EndpointStatus": "InService",
        "Steps": [],
        "Alarms": {},
        "FailureReason": "The deployment was rolled back.",
    }
    assert list(lines(after)) == [
        "demo is InService on v1",
        "  2026-11-28T09:00:00+00:00  The deployment was rolled back.",
    ]
    assert list(lines(after, but="The deployment was rolled back.")) == ["demo is InService on v1"]


def update(number: int, outcome: str | None = "Completed") -> dict[str, Any]:
    """An update that never had any traffic, so that nothing of CloudWatch is asked."""
    side = {"Share": 0.0, "Instances": 1}
    event = {"Time": 5.0, "Stage": "x", "Blue": side, "Green": side, "Message": f"of {number}"}
    made = {
        "Number": number,
        "EndpointConfigName": "two",
        "Asked": 1.0,
        "Plan": "all at once",
        "Summary": "done",
        "Events": [event],
    }
    return made if outcome is None else {**made, "Outcome": outcome, "Ended": 9.0}


def answer(document: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    return 200, {}, json.dumps(document).encode()


def told(
    before: Sequence[dict[str, Any]],
    statuses: Sequence[str],
    after: Sequence[dict[str, Any]],
    *,
    follow: bool = True,
    as_json: bool = False,
) -> rollout.Update | None:
    """What is told where DescribeEndpoint has these statuses, between these kept updates."""
    described = [
        {
            "EndpointName": "demo",
            "EndpointConfigName": "two",
            "EndpointStatus": each,
            "LastModifiedTime": 9.0,
        }
        for each in statuses
    ]
    answers = [{"Updates": before}, *described, {"Updates": after}]
    with playing(*map(answer, answers)) as player:
        key = Key("root", "root", "AKIAROOT", "secret")
        connection = Connection(player.address, "us-east-1", "123456789012", key)
        found = rollout.told(connection, "demo", follow=follow, as_json=as_json)
        assert not player.answers
    return found


@pytest.fixture
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollout, "FOLLOW_EVERY_S", 0.0)


OLD, OPEN, OVER = update(1), update(2, None), update(2)
CHANGE = ["Updating", "InService"]


@pytest.mark.usefixtures("_at_once")
@pytest.mark.parametrize(
    ("before", "statuses", "after", "meant"),
    [
        ([OLD], CHANGE, [OLD], None),  # weights alone
        ([OLD], CHANGE, [OVER, OLD], OVER),
        ([OLD], ["InService"], [OLD], OLD),  # nothing to follow: what became of the last one
    ],
)
def test_after_following_what_ended_meanwhile_is_told(
    before: Sequence[dict[str, Any]],
    statuses: Sequence[str],
    after: Sequence[dict[str, Any]],
    meant: dict[str, Any] | None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert told(before, statuses, after) == meant
    said = capsys.readouterr().out
    assert [line for line in said.splitlines() if line.startswith("demo is")] == [
        f"demo is {each} on two" for each in statuses
    ]
    assert ("update" in said) == (meant is not None)
    assert said.count("of 1") == (meant == OLD)


@pytest.mark.parametrize(
    ("status", "kept", "meant"),
    [
        ("Updating", [OLD], None),  # weights alone
        ("Updating", [OPEN, OLD], OPEN),
    ],
)
def test_what_is_there_now_is_told_with_the_update_that_it_is_of(
    status: str,
    kept: Sequence[dict[str, Any]],
    meant: dict[str, Any] | None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert told(kept, [status], kept, follow=False, as_json=True) == meant
    (line,) = capsys.readouterr().out.splitlines()
    shown = json.loads(line)
    assert shown["EndpointStatus"] == status
    assert (shown["Update"] or {}).get("Number") == (meant and meant["Number"])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"follow": True, "listing": True}, "three questions"),
        ({"follow": True, "number": 0}, "three questions"),
        ({"listing": True, "svg": Path("f")}, "--svg draws one update"),
    ],
)
def test_what_cannot_be_asked_at_once_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        rollout.rollout("demo", **given)


def test_there_is_nothing_to_draw_of_an_older_update(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no update of demo was under way"):
        rollout._draw(None, "demo", tmp_path / "x.svg")
    assert not list(tmp_path.iterdir())


def test_a_drawing_is_utf_8_whatever_the_locale(tmp_path: Path) -> None:
    side = {"Share": 0.0, "Instances": 1}
    event = {"Time": 5.0, "Stage": "x", "Blue": side, "Green": side, "Message": ""}
    later = {**event, "Time": 9.0, "AlarmsFired": [{"AlarmName": "Übelkeit"}]}
    drawn = {**OLD, "PreviousEndpointConfigName": "one", "Events": [event, later]}
    script = (
        "import json, pathlib, sys; from hostler.cli import rollout; "
        "rollout._draw(json.loads(sys.argv[1]), 'demo', pathlib.Path(sys.argv[2]))"
    )
    file = tmp_path / "x.svg"
    subprocess.run(
        [sys.executable, "-X", "utf8=0", "-c", script, json.dumps(drawn), str(file)],
        env={**os.environ, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"},
        check=True,
    )
    assert "Übelkeit</text>" in file.read_bytes().decode()
