"""Questions of Hostler's own, asked of a server that answers as it is told."""

import json
from typing import Any

import pytest

from hostler.cli import signed
from hostler.cli.output import FOLLOW_TRIES, CommandError
from hostler.toolkit.connection import Connection
from hostler.toolkit.credentials import Key
from played_s3 import playing

Answer = tuple[int, dict[str, str], bytes]

AWAY: Answer = (503, {}, b'{"__type": "ServiceUnavailable", "message": "try again."}')
GARBLED: Answer = (200, {}, b"<html>")
FOUND: Answer = (200, {}, b'{"Updates": []}')


def refused(code: str, message: str) -> Answer:
    return 400, {}, json.dumps({"__type": code, "message": message}).encode()


def ask(address: str, **options: Any) -> dict[str, Any]:
    key = Key("root", "root", "AKIAROOT", "secret")
    connection = Connection(address, "us-east-1", "123456789012", key)
    return signed.own(connection, "/_hostler/x", EndpointName="demo", **options)


def test_who_follows_outlasts_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signed, "PAUSE_S", 0.0)
    with playing(AWAY, GARBLED, AWAY, FOUND) as player:
        assert ask(player.address, tries=FOLLOW_TRIES) == {"Updates": []}
    assert {each.target for each in player.asked} == {"/_hostler/x?EndpointName=demo"}
    with playing(*[AWAY] * FOLLOW_TRIES) as player:
        with pytest.raises(CommandError, match=r"ServiceUnavailable: try again\."):
            ask(player.address, tries=FOLLOW_TRIES)
        assert not player.answers


def test_others_ask_once() -> None:
    with playing(AWAY, FOUND) as player, pytest.raises(CommandError, match="ServiceUnavailable"):
        ask(player.address)
    with playing(GARBLED, FOUND) as player, pytest.raises(CommandError, match="`hostler up`"):
        ask(player.address)


def test_a_refusal_is_final_and_says_what_helps() -> None:
    absent = refused("ValidationException", 'Could not find endpoint "demo".')
    with (
        playing(absent, FOUND) as player,
        pytest.raises(CommandError, match=r"^ValidationException: .*`hostler status` lists"),
    ):
        ask(player.address, tries=FOLLOW_TRIES)
    assert len(player.asked) == 1
