"""AWS CLI v2 on all of monitoring and scaling; the pages' commands, in a shell with either CLI."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import pages
import watching
from archives import script
from aws_cli import CLIENTS
from callers import CLI_2, Caller, caller
from deploying import create_model
from running import Running, eventually, hostler


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with hostler() as running:
        yield running


@pytest.fixture(scope="module")
def call(server: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    with caller("cli2", server, tmp_path_factory.mktemp("cli2")) as made:
        yield made


@pytest.fixture(scope="module")
def model(server: Running) -> str:
    return create_model(server, "slow", script(watching.SLOW))


@pytest.fixture(scope="module")
def endpoint(server: Running, model: str) -> str:
    return watching.deployed(server, "slow", model)


def test_metrics(call: Caller) -> None:
    watching.metrics(call)


def test_topics(call: Caller) -> None:
    watching.topics(call)


def test_alarms(call: Caller) -> None:
    watching.alarms(call)


def test_logs(call: Caller, endpoint: str) -> None:
    watching.logs(call, endpoint)


def test_scaling(call: Caller, endpoint: str) -> None:
    watching.scaling(call, endpoint, 2)


def test_serverless(call: Caller, server: Running, model: str) -> None:
    watching.serverless(call, server, model)


def test_logs_are_followed(server: Running, call: Caller, endpoint: str) -> None:
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    with subprocess.Popen(
        [str(CLI_2), "logs", "tail", group, "--follow", "--since", "1h", "--format", "short"],
        env=server.environment(),
        stdout=subprocess.PIPE,
        text=True,
    ) as following:
        assert following.stdout is not None
        assert "runtime" in following.stdout.readline(), "it begins with what was before"
        call.invoke(endpoint, "complain")
        while "ERROR" not in (line := following.stdout.readline()):
            assert line, "it ended"
        following.terminate()


@pytest.fixture(scope="module", params=["cli1", "cli2"])
def shell(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, dict[str, str]]]:
    """A folder and an environment of somebody with that CLI, whose Hostler has the endpoint."""
    folder = tmp_path_factory.mktemp(request.param)
    programs = folder / "bin"
    programs.mkdir()
    (programs / "aws").symlink_to(CLI_2 if request.param == "cli2" else CLIENTS / "aws")
    (programs / "hostler").symlink_to(Path(sys.executable).with_name("hostler"))
    with hostler() as server, caller("boto3", server, folder) as call:
        endpoint = watching.deployed(
            server, "iris", create_model(server, "iris", script(watching.SLOW))
        )
        eventually("it has a log", lambda: watching.printed(call, endpoint, "loaded"))
        path = f"{programs}:{os.environ['PATH']}"
        yield (
            folder,
            {
                **server.environment(),
                "PATH": path,
                "AWS_PAGER": "",
                "HOSTLER_DATA_DIR": str(server.home),
            },
        )


@pytest.mark.parametrize("page", pages.OF_MONITORING)
def test_the_commands_of_a_page(shell: tuple[Path, dict[str, str]], page: str) -> None:
    folder, environment = shell
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", pages.script(page)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, (done.stdout, done.stderr)
