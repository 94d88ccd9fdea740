"""`hostler demo`: the whole way from nothing to an answer, each step with its time."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.text import Text

from hostler.app import program
from hostler.app.config import reading
from hostler.backends.process import configured
from hostler.backends.process.environments import EnvironmentBuildError, Environments
from hostler.backends.process.pip_settings import Sources
from hostler.backends.process.runtimes import Runtime
from hostler.cli import aside, failures
from hostler.cli.keyring import KeyRing
from hostler.cli.output import AsJson, CommandError, connect, document, err, out
from hostler.toolkit import bootstrap, deploy, iris
from hostler.toolkit.naming import Project

PROJECT = Project("acme", "rc", "project-a")
MODEL = "iris"
TRAINED_FOR = "sagemaker-scikit-learn"
FLOWER = [5.9, 3.0, 5.1, 1.8]
IN_SERVICE_TIMEOUT_S = 120.0
_FAILURES = (EnvironmentBuildError, iris.TrainingError, deploy.DeploymentError)


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave it running afterwards.")] = False,
    as_json: AsJson = False,
) -> None:
    """Start Hostler aside, train on iris, deploy the model with boto3 and call it."""
    steps = _Steps(as_json=as_json)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    with aside.home(_down, keep=keep) as home:
        try:
            answer = _run(home, steps)
        except _expected() as error:
            raise CommandError(f'the demo stopped at "{steps.current}": {_line(error)}') from error
    if as_json:
        document({"steps": steps.taken, "answer": answer, "data_dir": str(home) if keep else None})
    else:
        _next_commands(home, keep=keep)


def _end(number: int, _frame: object) -> None:
    """Asked to end: not without stopping what was started."""
    raise SystemExit(128 + number)


def _expected() -> tuple[type[BaseException], ...]:
    return (*failures.mendable(), *_FAILURES)


def _line(error: BaseException) -> str:
    return str(error) if isinstance(error, _FAILURES) else failures.line(error)


class _Steps:
    """Prints each step with the time it took, and remembers them."""

    def __init__(self, *, as_json: bool) -> None:
        self.taken: list[dict[str, Any]] = []
        self.current = "starting"
        self._quiet = as_json

    @contextmanager
    def step(self, what: str) -> Iterator["_Step"]:
        self.current = what
        began = time.perf_counter()
        if self._quiet or not err.is_interactive:
            step = _Step()
            yield step
        else:
            with err.status(what) as spinner:
                step = _Step(
                    lambda line: spinner.update(Text(f"{what}: {line}", overflow="ellipsis"))
                )
                yield step
        took_s = time.perf_counter() - began
        self.taken.append({"step": what, "took_s": round(took_s, 3), "note": step.note})
        if not self._quiet:
            out.print(
                f"[green]✓[/] {what:<42} [bold]{took_s:7.3f} s[/]  [dim]{escape(step.note)}[/]"
            )


@dataclass(slots=True)
class _Step:
    """One step: what is to be shown of it while it goes on, and beside its time."""

    progress: Callable[[str], None] = lambda _line: None
    note: str = ""


def _run(home: Path, steps: _Steps) -> Any:
    port = aside.free_port()
    with steps.step("build the scikit-learn environment (once)") as step:
        runtime, environments = serving(home)
        environment = asyncio.run(environments.ensure(runtime, step.progress))
        step.note = f"{runtime.version_of} {runtime.version}"
    with steps.step("hostler up") as step:
        started = _hostler("up", "--data-dir", str(home), "--port", str(port), "--detach")
        if started.returncode:
            raise CommandError(started.stderr.strip().removeprefix("hostler: "))
        connection = connect(home)
        step.note = connection.endpoint_url
    with steps.step("hostler bootstrap") as step:
        project = bootstrap.bootstrap(connection, KeyRing(home), PROJECT)
        step.note = f"role {PROJECT.execution_role}"
    deployer = connect(home, PROJECT.deployer)
    image = deploy.any_framework(deployer)
    plan = deploy.Plan(PROJECT, MODEL, image, project.role_arn)
    with steps.step("train a classifier on iris") as step:
        archive, accuracy = iris.train(environment.python, home)
        step.note = f"accuracy {accuracy:.3f} on 30 held-out flowers"
    with steps.step("upload model.tar.gz") as step:
        url = deploy.upload(deployer, plan, archive)
        step.note = url
    with steps.step("create model, config and endpoint") as step:
        endpoint = deploy.create(deployer, plan, url)
        step.note = endpoint
    with steps.step("wait until it is InService"):
        deploy.wait(deployer, endpoint, IN_SERVICE_TIMEOUT_S)
    with steps.step("invoke it as the caller") as step:
        runtime_client = connect(home, PROJECT.caller).client("sagemaker-runtime")
        response = runtime_client.invoke_endpoint(
            EndpointName=endpoint,
            ContentType="application/json",
            Body=json.dumps({"features": FLOWER}),
        )
        answer = json.loads(response["Body"].read())
        step.note = f"{FLOWER} → {answer} ({iris.SPECIES[int(answer[0])]})"
    return answer


def _next_commands(home: Path, *, keep: bool) -> None:
    hostler = program.words()
    if not keep:
        out.print(f"\nStopped and removed. `{hostler} demo --keep` leaves it running; or begin:")
        lines = [
            f"{hostler} up --detach",
            f"{hostler} bootstrap --company acme --team rc --project project-a",
            f'eval "$({hostler} env --as deployer)"',
        ]
    else:
        out.print("\nIt runs on. Next:")
        option, endpoint = f"--data-dir {home}", PROJECT.endpoint(MODEL)
        body = json.dumps({"features": FLOWER})
        lines = [
            f'eval "$({hostler} env {option} --as deployer)"',
            f"aws sagemaker describe-endpoint --endpoint-name {endpoint}",
            f"{hostler} invoke {endpoint} {option} --body '{body}'",
            f"{hostler} logs {endpoint} {option}",
            f"{hostler} down {option}",
        ]
    for line in lines:
        out.print(f"  {line}", markup=False)


def serving(home: Path) -> tuple[Runtime, Environments]:
    """What will serve a scikit-learn model in that data directory, as the settings are there."""
    wanted = reading.read(reading.Start(home)).config.runtimes
    runtime = configured.runtimes(wanted).for_image(TRAINED_FOR)
    return runtime, Environments(sources=Sources.of(wanted))


def _hostler(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-P", "-m", "hostler.cli.main", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _down(home: Path) -> None:
    _hostler("down", "--data-dir", str(home))
