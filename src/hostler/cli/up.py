"""`hostler up` and `hostler down`.

Invariant: `up` becomes the supervisor (the same pid), so that whoever watches the command watches
the product; `--detach` starts the same one aside and returns when it says that it answers.
"""

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from hostler.app import program, surroundings
from hostler.app.config import reading
from hostler.app.settings import Settings
from hostler.app.supervisor import desk, journal, leftovers, place
from hostler.cli.output import (
    AsJson,
    CommandError,
    ConfigFile,
    DataDir,
    directory,
    document,
    err,
    out,
)
from hostler.domain import endings
from hostler.domain.config.server import DEFAULT_PORT
from hostler.domain.ids import DEFAULT_ACCOUNT
from hostler.domain.layout import Layout
from hostler.modelserver import identity

DETACH_TIMEOUT_S = 60.0
DOWN_TIMEOUT_S = endings.EVERYTHING_KILL_S + endings.MARGIN_S

Assignments = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Any setting, as quotas.endpoints=5; may be given several times.",
        show_default=False,
    ),
]
Port = Annotated[
    int | None,
    typer.Option(
        metavar="P",
        help=f"The port to listen on [default: {DEFAULT_PORT}, or the last one].",
        show_default=False,
    ),
]
InRegion = Annotated[
    str | None,
    typer.Option(
        metavar="R",
        help="Where clients look [default: $AWS_REGION or us-east-1, or the last one].",
        show_default=False,
    ),
]
OfAccount = Annotated[
    str | None,
    typer.Option(
        metavar="A",
        help=f"12 digits, chosen at the first start [default: {DEFAULT_ACCOUNT}].",
        show_default=False,
    ),
]
Gateways = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Processes that answer requests [default: 1, or the last number].",
        show_default=False,
    ),
]
Host = Annotated[
    str | None,
    typer.Option(
        metavar="H",
        help="The address to listen on [default: 127.0.0.1, or the last one].",
        show_default=False,
    ),
]
AllowRemote = Annotated[
    bool | None,
    typer.Option(
        "--allow-remote",
        help="Let other machines reach that address in plain text; better, --set server.tls=local.",
        show_default=False,
    ),
]


def up(
    data_dir: DataDir = None,
    port: Port = None,
    region: InRegion = None,
    account: OfAccount = None,
    gateways: Gateways = None,
    host: Host = None,
    allow_remote: AllowRemote = None,
    config: ConfigFile = None,
    settings_: Assignments = None,
    detach: Annotated[
        bool, typer.Option("--detach", help="Return when it answers; it runs on.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Start Hostler on this machine; Ctrl-C or `hostler down` stops it."""
    given = {
        "host": host,
        "allow_remote": allow_remote,
        "port": port,
        "region": region,
        "account": account,
        "gateways": gateways,
    }
    flags = {f"server.{name}": value for name, value in given.items() if value is not None}
    settings = reading.read(reading.Start(data_dir, config, {**flags, **_assigned(settings_)}))
    told = _kept(settings.to_json())
    module = ("-P", "-m", "hostler.app.supervisor")
    place_ = ("--data-dir", str(settings.data_dir))
    words = [sys.executable, *module, *place_, "--settings", str(told)]
    if detach:
        _detached(settings, words, told, as_json=as_json)
        return
    sys.stdout.flush()
    if as_json:
        words.append("--json")
    os.set_inheritable(told, True)
    os.execve(words[0], words, surroundings.without_secrets(os.environ))  # noqa: S606 (ourselves, with checked settings)


def _kept(text: str) -> int:
    """A descriptor to read the text from: settings may hold a secret, and argv is everybody's."""
    descriptor = os.memfd_create("hostler-settings", os.MFD_CLOEXEC)
    os.write(descriptor, text.encode())
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _assigned(words: list[str] | None) -> dict[str, str]:
    """``--set``'s words: settings by dotted name."""
    assigned = {}
    for word in words or ():
        name, sign, value = word.partition("=")
        if not sign:
            raise CommandError(f"--set {word} assigns nothing: write --set section.key=value")
        assigned[name.strip()] = value.strip()
    return assigned


def _detached(settings: Settings, words: list[str], settings_: int, *, as_json: bool) -> None:
    root = settings.data_dir
    place.check(root)
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(place.explain(error, root)) from None
    heard, told = os.pipe()
    log = journal.descriptor(settings.layout.up_log)
    process = subprocess.Popen(
        [*words, "--tell", str(told)],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
        pass_fds=(told, settings_),
        env=surroundings.without_secrets(os.environ),
        cwd="/",
    )
    os.close(told)
    os.close(log)
    try:
        facts = _decision(heard, root)
    except BaseException:
        process.terminate()
        raise
    process.returncode = 0  # it runs on without us
    if as_json:
        document(facts)
        return
    hostler, option = program.words(), program.option(root)
    out.print(f"[bold]Listening on {settings.endpoint_url}[/] (process {facts['pid']})")
    for name, text in (
        ("account", f"{facts['account']}, region {facts['region']}"),
        ("isolation", facts["isolation"]),
        *(("warning", each) for each in facts["warnings"]),
        ("next", f'eval "$({hostler} env{option})"'),
        ("", "aws sagemaker list-endpoints"),
        ("stop", f"{hostler} down{option}"),
    ):
        out.print(f"  {name:<10} {text}", markup=False)


def _decision(heard: int, root: Path) -> dict[str, Any]:
    """Wait for the supervisor's line: ready or failed. An end without one is a defect of ours."""
    text = bytearray()
    deadline = time.monotonic() + DETACH_TIMEOUT_S
    with contextlib.closing(os.fdopen(heard, "rb", buffering=0)) as pipe, _spinner("starting"):
        while not text.endswith(b"\n"):
            ready, _, _ = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise CommandError(
                    f"it did not answer within {DETACH_TIMEOUT_S:.0f} s and was stopped: see the "
                    f"logs in {Layout(root).process_logs}"
                )
            data = pipe.read(65536)
            if not data:
                raise CommandError(f"it ended before it could say why: see {Layout(root).up_log}")
            text += data
    facts: dict[str, Any] = json.loads(text)
    if facts["event"] == "failed":
        raise CommandError(facts["message"])
    return facts


def down(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Finish what is in flight and stop everything that `up` started."""
    settings = Settings.load(directory(data_dir))
    root = settings.data_dir
    try:
        pid = desk.ask(settings.layout.supervisor_socket, {"op": "status"})["pid"]
        process = identity.of(pid)
        desk.ask(settings.layout.supervisor_socket, {"op": "stop"})
    except OSError:
        if (pid := place.holder(root)) is not None:
            raise CommandError(
                f"the supervisor, process {pid}, does not answer: `kill -9 {pid}`, then "
                f"`hostler down{program.option(root)}` again"
            ) from None
        stopped = _stop_leftovers(settings)
        _report(root, "not running", stopped, as_json=as_json)
        return
    with _spinner("finishing what is in flight"):
        if process is not None and not process.wait(DOWN_TIMEOUT_S):
            raise CommandError(f"process {pid} still drains after {DOWN_TIMEOUT_S:.0f} s")
    _report(root, "stopped", 0, as_json=as_json)


def _stop_leftovers(settings: Settings) -> int:
    """Without a supervisor: stop what a killed one left behind."""
    with place.seize(settings.data_dir), _spinner("stopping what was left behind"):
        return leftovers.stop(settings.layout)


def _report(root: Path, state: str, stopped: int, *, as_json: bool) -> None:
    if as_json:
        document({"state": state, "leftovers_stopped": stopped, "data_dir": str(root)})
        return
    words = {"stopped": "stopped", "not running": f"it was not running on {root}"}
    more = f"; {stopped} processes it had left behind are stopped" if stopped else ""
    out.print(words[state] + more, markup=False)


def _spinner(text: str) -> contextlib.AbstractContextManager[Any]:
    """What is waited for, where somebody looks."""
    return err.status(text) if err.is_interactive else contextlib.nullcontext()
