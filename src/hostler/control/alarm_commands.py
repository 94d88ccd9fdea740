"""Runs the settings' commands for alarms: what a Lambda function is on AWS is a program here.

Invariant: a program gets the notification as its input and a few variables of the environment, and
ends within its time, with all it started; no more of its output is kept than a page.
"""

import asyncio
import contextlib
import logging
import os
import signal
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Mapping

from hostler.control.alarm_actions import ActionFailedError
from hostler.domain.alarm import Firing
from hostler.domain.config import AlarmCommand

OUTPUT_BYTES_MAX = 4_096
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ")
_CHUNK = 65_536

_log = logging.getLogger("hostler.control")


class CommandAction:
    """The action of a command, by its name at the end of the ARN.

    Args:
        commands: Those there are.
        environ: Hostler's own environment, of which a program gets ``PASSED_ON``.
    """

    def __init__(self, commands: Mapping[str, AlarmCommand], environ: Mapping[str, str]) -> None:
        self._commands = commands
        self._environ = {name: environ[name] for name in PASSED_ON if name in environ}

    async def __call__(self, firing: Firing, /) -> None:
        """Run it; raises ActionFailedError where it does not end well."""
        name = firing.action.rpartition(":")[2]
        command = self._commands.get(name)
        if command is None:
            raise ActionFailedError(f"there is no command {name} in [alarms.commands] any more")
        try:
            process = await asyncio.create_subprocess_exec(
                *command.run,
                stdin=PIPE,
                stdout=PIPE,
                stderr=STDOUT,
                env={**self._environ, **_variables(firing)},
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            raise ActionFailedError(f"{command.run[0]} cannot be run: {error.strerror}") from None
        try:
            async with asyncio.timeout(command.timeout_s):
                output, status = await _talk(process, firing.message.encode())
        except TimeoutError:
            why = f"it took longer than {command.timeout_s} s and was killed"
            raise ActionFailedError(why, again=True) from None
        finally:
            await _end(process)
        said = output.decode(errors="replace").strip()
        _log.info("alarm %s: %s ended with %d: %s", firing.name, name, status, said)
        if status != 0:
            last = said.splitlines()[-1] if said else "it said nothing"
            raise ActionFailedError(f"it ended with {status}: {last}", again=True)


async def _talk(process: Process, given: bytes) -> tuple[bytes, int]:
    """Give a program its input; the beginning of its output, and its exit status."""
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it need not read
        process.stdin.write(given)
        await process.stdin.drain()
    process.stdin.close()
    output = bytearray()
    while chunk := await process.stdout.read(_CHUNK):
        output += chunk[: OUTPUT_BYTES_MAX - len(output)]
    return bytes(output), await process.wait()


async def _end(process: Process) -> None:
    """Kill whatever is left of a program's session, and reap it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def _variables(firing: Firing) -> Mapping[str, str]:
    return {
        "HOSTLER_ALARM_NAME": firing.name,
        "HOSTLER_ALARM_STATE": firing.state.value,
        "HOSTLER_ALARM_ACCOUNT": firing.account,
        "HOSTLER_ALARM_REGION": firing.region,
    }
