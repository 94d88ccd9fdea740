"""Metrics, alarms, topics, logs, scaling and serverless endpoints by boto3 and AWS CLI v1.

Version 2, which is a process for each command line, does the same in `make conformance`.
"""

from collections.abc import Iterator

import pytest

import pages
import watching
from archives import script
from callers import Caller, Cli1, caller
from deploying import create_model, settled
from running import Running, eventually, hostler

COUNTS = {"boto3": 2, "cli1": 1}
"""How many instances the endpoint has after each client; it begins with one."""


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with hostler() as running:
        yield running


@pytest.fixture(scope="module")
def model(server: Running) -> str:
    return create_model(server, "slow", script(watching.SLOW))


@pytest.fixture(scope="module")
def endpoint(server: Running, model: str) -> str:
    return watching.deployed(server, "slow", model)


@pytest.fixture(scope="module", params=COUNTS)
def call(
    server: Running, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Caller]:
    with caller(request.param, server, tmp_path_factory.mktemp(request.param)) as made:
        yield made


def test_metrics(call: Caller) -> None:
    watching.metrics(call)


def test_topics(call: Caller) -> None:
    watching.topics(call)


def test_alarms(call: Caller) -> None:
    watching.alarms(call)


def test_logs(call: Caller, endpoint: str) -> None:
    watching.logs(call, endpoint)


def test_scaling(call: Caller, endpoint: str) -> None:
    watching.scaling(call, endpoint, COUNTS[call.name])


def test_serverless(call: Caller, server: Running, model: str) -> None:
    watching.serverless(call, server, model)


@pytest.fixture(scope="module")
def cli(server: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli1]:
    """In a shell of somebody who has an endpoint, as the pages have it."""
    endpoint = watching.deployed(
        server, "iris", create_model(server, "iris", script(watching.SLOW))
    )
    with caller("cli1", server, tmp_path_factory.mktemp("shell")) as made:
        assert isinstance(made, Cli1)
        eventually("it has a log", lambda: watching.printed(made, endpoint, "loaded"))
        yield made


@pytest.mark.parametrize("page", pages.OF_MONITORING)
def test_the_commands_of_a_page(server: Running, cli: Cli1, page: str) -> None:
    """Of Hostler's own commands those that set something: `make conformance` runs the others."""
    ran = 0
    for program, *words in pages.commands(page):
        if program == "hostler":
            if "setup" in words:
                server.run(*words)
        else:
            if "wait" in words:
                settled(server, words[-1])  # the CLI would look once in half a minute
            said = cli.run(words)
            assert (program, said.status) == ("aws", 0), (words, said)
            ran += 1
    assert ran, "the page has an example by the CLI"
