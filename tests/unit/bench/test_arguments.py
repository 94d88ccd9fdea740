"""Whom `make bench` measures, and how long."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from bench import environments
from bench.__main__ import arguments, built, wanted
from bench.peers import BY_NAME, KINDS


def measured(monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[set[str], int, int]:
    """The peers, the rounds, and the seconds of each measurement."""
    monkeypatch.setattr(sys, "argv", ["bench", *words])
    options = arguments()
    return {kind.name for kind in KINDS if wanted(kind, options)}, options.rounds, options.seconds


def test_by_default_the_peers_that_start_soon_are_measured_in_seven_rounds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    soon = {kind.name for kind in KINDS if not kind.only_with_all}
    assert measured(monkeypatch) == (soon, 7, 2)
    assert measured(monkeypatch, "--all") == ({kind.name for kind in KINDS}, 7, 2)
    assert soon < {kind.name for kind in KINDS}


def test_only_some_of_them_in_one_short_round(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = measured(monkeypatch, "--quick", "--only", "fastapi,mlserver")
    assert asked == ({"fastapi", "mlserver"}, 1, 2)


def test_a_peer_that_there_is_not_is_told_with_those_that_there_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        measured(monkeypatch, "--only", "flask")
    assert "no flask; there are fastapi, " in capsys.readouterr().err


def test_a_peer_whose_program_is_missing_is_absent_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "")
    absent: dict[str, str] = {}
    built(BY_NAME["nginx-static"], absent)
    assert absent == {
        "nginx-static": "nginx is not installed (Debian: apt-get install nginx-light)"
    }


def test_a_peer_whose_environment_cannot_be_built_is_absent_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(environments, "CACHE", tmp_path)
    kind = replace(BY_NAME["fastapi"], requirements=("hostler-of-nobody @ file:///nowhere.whl",))
    absent: dict[str, str] = {}
    built(kind, absent)
    assert absent["fastapi"].startswith("its environment cannot be built: ")
    assert "nowhere" in absent["fastapi"]
