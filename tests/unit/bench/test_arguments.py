"""Whom `make bench` measures, and how long."""

import sys

import pytest
from bench.__main__ import arguments, wanted
from bench.peers import KINDS


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
