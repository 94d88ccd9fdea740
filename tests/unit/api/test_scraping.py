"""Who may read `/metrics`."""

from dataclasses import replace
from typing import Any

import pytest

from hostler.api import scraping
from hostler.api.scraping import Scrape
from hostler.api.server import create_app
from hostler.domain import sender
from hostler.domain.sender import Sender

HERE = {sender.HEADER: sender.written(Sender("127.0.0.1", secured=False))}
ELSEWHERE = {sender.HEADER: sender.written(Sender("10.1.2.3", secured=True, tls="1.3"))}
BEARER = {"authorization": "Bearer s3cret"}


def page() -> str:
    return "# HELP a A.\n# TYPE a gauge\na 1\n"


OPEN = Scrape(page)
CLOSED = Scrape(page, lambda: "s3cret\n")


def unreadable() -> str:
    raise FileNotFoundError(2, "No such file", "/etc/token")


@pytest.mark.parametrize(
    ("scrape", "headers", "words"),
    [
        (OPEN, HERE, None),
        (OPEN, {sender.HEADER: sender.written(Sender("::1", secured=False))}, None),
        (OPEN, ELSEWHERE, "this machine alone"),
        (OPEN, {}, "this machine alone"),
        (OPEN, {**HERE, "x-forwarded-for": "10.1.2.3"}, "through a proxy"),
        (CLOSED, {**ELSEWHERE, **BEARER}, None),
        (CLOSED, {**ELSEWHERE, "authorization": "bearer  s3cret "}, None),
        (CLOSED, HERE, "needs the bearer token"),
        (CLOSED, {**HERE, "authorization": "Bearer s3cre"}, "needs the bearer token"),
        (CLOSED, {**HERE, "authorization": "Basic s3cret"}, "needs the bearer token"),
        (Scrape(page, lambda: ""), {**HERE, "authorization": "Bearer "}, "needs the bearer token"),
        (Scrape(page, unreadable), {**HERE, **BEARER}, "cannot be read"),
    ],
)
def test_who_may(scrape: Scrape, headers: dict[str, str], words: str | None) -> None:
    why = scraping.refusal(scrape, headers)
    assert (why is None) is (words is None)
    assert words is None or words in str(why)


def asked(world: Any, scrape: Scrape | None, **headers: str) -> Any:
    world.app = create_app(replace(world.rooms, scrape=scrape))
    return world.call("GET", "/metrics", {"host": "127.0.0.1:4747", **HERE, **headers})


def test_the_page_and_its_refusals(world: Any) -> None:
    answer = asked(world, OPEN)
    headers = dict(answer.headers)
    assert (answer.status, answer.body.decode()) == (200, page())
    assert headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    refused = asked(world, CLOSED)
    assert (refused.status, dict(refused.headers)["www-authenticate"][:6]) == (401, "Bearer")
    assert asked(world, OPEN, **ELSEWHERE).status == 403
    assert asked(world, OPEN, host="evil.example").status == 421
    assert asked(world, None).status == 404
