import fcntl
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hostler.app.settings import Settings
from hostler.app.supervisor.console import LINE_MAX, Console
from hostler.domain.config import Config
from hostler.domain.config.server import Server

HEALTH = {"isolation": "namespaces + cgroup", "warnings": ["models are careless"]}


@pytest.fixture
def settings() -> Settings:
    return Settings(Path("/srv/host ler"), Config(server=Server(region="eu-west-1")))


def test_people_are_told_where_it_listens_how_models_are_isolated_and_what_is_next(
    settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    console = Console(settings, ".venv/bin/hostler")
    console.starting()
    console.announce(HEALTH)
    text = capfd.readouterr().out
    assert "starts on /srv/host ler" in text
    for words in (
        "Listening on http://127.0.0.1:4747",
        "account    123456789012, region eu-west-1",
        "isolation  namespaces + cgroup",
        "warning    models are careless",
        "eval \"$(.venv/bin/hostler env --data-dir '/srv/host ler')\"",
        ".venv/bin/hostler down",
    ):
        assert words in text
    assert "\033" not in text  # no terminal, no colour


def test_machines_are_told_one_object_a_line(
    settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    console = Console(settings, as_json=True)
    console.starting()
    console.say("building the pytorch environment")
    console.announce(HEALTH)
    progress, ready = map(json.loads, capfd.readouterr().out.splitlines())
    assert progress == {"event": "progress", "message": "building the pytorch environment"}
    assert ready["event"] == "ready"
    assert ready["endpoint_url"] == settings.endpoint_url
    assert ready["isolation"] == HEALTH["isolation"]
    assert ready["pid"] == os.getpid()


def test_a_line_of_progress_is_one_line_and_cannot_drive_the_terminal(
    settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    Console(settings).say("\033[2Jgone\nforged line" + "x" * 1000)
    (line,) = capfd.readouterr().out.splitlines()
    assert line.startswith("   [2Jgone forged line")
    assert len(line) == LINE_MAX + 2


def test_a_failure_is_one_line_on_standard_error(
    settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    Console(settings).failed("port 4747 is taken")
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "hostler: port 4747 is taken\n")


def test_whoever_detached_hears_that_it_was_stopped_first(
    settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    heard, told = os.pipe()
    Console(settings, tell=told).stopped()
    with os.fdopen(heard) as pipe:
        assert json.load(pipe)["message"] == "it was stopped before it was ready"
    Console(settings).stopped()
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", ""), "whoever typed Ctrl-C knows"


def test_whoever_detached_hears_the_deciding_line_alone(settings: Settings) -> None:
    heard, told = os.pipe()
    console = Console(settings, tell=told)
    console.say("building")
    console.announce(HEALTH)
    console.failed("too late")
    with os.fdopen(heard) as pipe:
        (line,) = pipe.read().splitlines()
    assert json.loads(line)["event"] == "ready"


@pytest.fixture
def standard_output() -> Iterator[Callable[[int], None]]:
    """Puts another descriptor in standard output's place."""
    kept = os.dup(1)
    yield lambda descriptor: os.dup2(descriptor, 1) and None
    os.dup2(kept, 1)
    os.close(kept)


def test_a_reader_that_went_away_stops_nothing(
    settings: Settings, standard_output: Callable[[int], None]
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    standard_output(writer)
    os.close(writer)
    console = Console(settings)
    console.say("one")
    console.say("two")
    reader, writer = os.pipe()
    standard_output(writer)
    os.close(writer)
    console.say("three")
    assert os.read(reader, 100) == b"  three\n"
    os.close(reader)


def test_a_reader_that_does_not_read_stops_nothing(
    settings: Settings, standard_output: Callable[[int], None]
) -> None:
    reader, writer = os.pipe()
    size = fcntl.fcntl(writer, fcntl.F_GETPIPE_SZ)
    os.write(writer, b"x" * (size - 10))
    standard_output(writer)
    os.close(writer)
    console = Console(settings)
    console.say("nobody has room for this")
    assert os.read(reader, size) == b"x" * (size - 10)
    console.say("now there is")
    assert os.read(reader, size) == b"  now there is\n"
    os.close(reader)
