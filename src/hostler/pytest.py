"""A pytest plugin: a Hostler of their own for the tests of a session (entry point ``pytest11``).

Invariant: nothing is started, and nothing of Hostler loaded, before a test asks for a fixture; what
was started is stopped and removed at the end of the session, also of one that was killed (by the
next). Environment variables are as before after each test.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hostler.toolkit.bootstrap import Result
    from hostler.toolkit.naming import Project

IN_SERVICE_TIMEOUT_S = 300.0
"""The first endpoint of a framework waits for its environment to be built."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The settings in ``pytest.ini`` or ``[tool.pytest.ini_options]``."""
    parser.addini(
        "hostler_project",
        "company, team and project that `hostler bootstrap` prepares",
        type="args",
        default=["acme", "rc", "project-a"],
    )
    parser.addini("hostler_up", "more options of `hostler up`", type="args", default=[])


@dataclass(frozen=True)
class Hostler:
    """A Hostler that runs, and a project in it. ``who`` is root, deployer, caller or a user."""

    data_dir: Path
    url: str
    region: str
    account: str
    project: Project
    bucket: str
    role_arn: str

    def client(self, service: str, who: str = "deployer") -> Any:
        """A boto3 client of a service, with nothing of the AWS configuration of whoever tests."""
        from hostler.cli.output import connect  # noqa: PLC0415 (see the invariant)

        return connect(self.data_dir, who).client(service)

    def environment(self, who: str = "deployer") -> dict[str, str]:
        """The variables of `hostler env`, for programs under test."""
        done = _hostler("env", "--json", "--as", who, "--data-dir", str(self.data_dir))
        variables: dict[str, str] = json.loads(done)
        return variables

    def deploy(self, name: str, archive: Path, *, image: str | None = None) -> str:
        """Upload a model.tar.gz, deploy it by the project's conventions, and wait.

        Returns:
            The endpoint's name, ``{team}-{project}-{name}-ep``.

        Raises:
            DeploymentError: it did not come into service; the text is its FailureReason.
        """
        from hostler.cli.output import connect  # noqa: PLC0415
        from hostler.toolkit import deploy  # noqa: PLC0415

        deployer = connect(self.data_dir, self.project.deployer)
        plan = deploy.Plan(
            self.project, name, image or deploy.any_framework(deployer), self.role_arn
        )
        endpoint = deploy.create(deployer, plan, deploy.upload(deployer, plan, archive))
        deploy.wait(deployer, endpoint, IN_SERVICE_TIMEOUT_S)
        return endpoint


@pytest.fixture(scope="session")
def hostler(pytestconfig: pytest.Config) -> Iterator[Hostler]:
    """A Hostler on a free port, bootstrapped; each xdist worker has one of its own."""
    from hostler.cli import aside  # noqa: PLC0415
    from hostler.cli.keyring import KeyRing  # noqa: PLC0415
    from hostler.cli.output import connect  # noqa: PLC0415
    from hostler.toolkit import bootstrap  # noqa: PLC0415
    from hostler.toolkit.naming import Project  # noqa: PLC0415

    project = Project(*pytestconfig.getini("hostler_project"))
    options = [str(each) for each in pytestconfig.getini("hostler_up")]
    with aside.home(_down, keep=False) as home:
        place = ("--data-dir", str(home))
        _hostler("up", *place, "--port", str(aside.free_port()), "--detach", *options)
        root = connect(home)
        made: Result = bootstrap.bootstrap(root, KeyRing(home), project)
        yield Hostler(
            home,
            root.endpoint_url,
            root.region,
            root.account,
            project,
            made.bucket,
            made.role_arn,
        )


@pytest.fixture
def hostler_environment(hostler: Hostler, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """For one test this process's own environment is `hostler env`'s, as the deployer.

    Code under test makes its clients as ever: ``boto3.client("sagemaker-runtime")``.
    """
    from hostler.toolkit import shell  # noqa: PLC0415

    variables = hostler.environment()
    for name in shell.hindrances(os.environ, variables):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


def _hostler(*words: str) -> str:
    command = [sys.executable, "-P", "-m", "hostler.cli.main", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"hostler {words[0]}: {done.stderr.strip()}", pytrace=False)
    return done.stdout


def _down(home: Path) -> None:
    command = [sys.executable, "-P", "-m", "hostler.cli.main", "down", "--data-dir", str(home)]
    subprocess.run(command, capture_output=True, check=False)
