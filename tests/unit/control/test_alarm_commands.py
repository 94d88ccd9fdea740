"""Commands as alarms' actions: their input and environment, their end, and what is said of it."""

import asyncio
import contextlib
import logging
from pathlib import Path

import pytest

from hostler.control.alarm_actions import ActionFailedError
from hostler.control.alarm_commands import OUTPUT_BYTES_MAX, CommandAction
from hostler.domain.alarm import AlarmKind, AlarmState, Firing
from hostler.domain.config import AlarmCommand
from hostler.domain.ids import DEFAULT_ACCOUNT, DEFAULT_REGION
from running import eventually

ENVIRON = {"PATH": "/usr/bin:/bin", "AWS_SECRET_ACCESS_KEY": "secret"}


def firing(name: str = "page") -> Firing:
    return Firing(
        DEFAULT_ACCOUNT,
        DEFAULT_REGION,
        "errors",
        AlarmKind.METRIC,
        f"arn:aws:lambda:us-east-1:123456789012:function:{name}",
        AlarmState.ALARM,
        1.0,
        '{"AlarmName":"errors"}',
    )


def run(script: str, *, timeout_s: int = 20) -> None:
    command = AlarmCommand(("/bin/sh", "-c", script), timeout_s)
    asyncio.run(CommandAction({"page": command}, ENVIRON)(firing()))


def test_a_command_reads_the_notification_and_a_small_environment(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    run(f"cat > {kept}; env >> {kept}")
    first, *rest = kept.read_text().splitlines()
    assert first.startswith('{"AlarmName":"errors"}')
    text = kept.read_text()
    assert "HOSTLER_ALARM_NAME=errors" in text
    assert "HOSTLER_ALARM_STATE=ALARM" in text
    assert "secret" not in text
    assert rest


def test_what_it_says_is_written_down_up_to_a_page(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "hostler.control")
    run("head -c 300000 /dev/zero | tr '\\0' x")
    (record,) = [each for each in caplog.records if each.name == "hostler.control"]
    assert record.getMessage().count("x") <= OUTPUT_BYTES_MAX + 2
    assert "alarm errors: page ended with 0" in record.getMessage()


def test_a_command_that_fails_is_told_with_its_last_line() -> None:
    with pytest.raises(ActionFailedError, match="it ended with 3: no such pager") as caught:
        run("echo trying; echo no such pager >&2; exit 3")
    assert caught.value.again


def test_a_command_that_takes_too_long_is_killed_with_all_it_started(tmp_path: Path) -> None:
    child = tmp_path / "child"
    with pytest.raises(ActionFailedError, match="took longer than 1 s and was killed"):
        run(f"sleep 60 & echo $! > {child}; wait", timeout_s=1)
    stat = Path(f"/proc/{int(child.read_text())}/stat")

    def has_ended() -> bool:
        with contextlib.suppress(FileNotFoundError):
            return stat.read_text().rpartition(")")[2].split()[0] == "Z"
        return True

    eventually("it has ended as well", has_ended)


def test_what_cannot_be_run_is_told() -> None:
    with pytest.raises(ActionFailedError, match="/no/such cannot be run") as caught:
        asyncio.run(CommandAction({"page": AlarmCommand(("/no/such",))}, {})(firing()))
    assert not caught.value.again
    with pytest.raises(ActionFailedError, match="there is no command gone"):
        asyncio.run(CommandAction({}, {})(firing("gone")))
