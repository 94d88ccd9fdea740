"""Sessions without sockets: what their ids say, and who waits for whom."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway_pieces import Bench, bench, signed
from hostler.domain.errors import CallerError
from hostler.gateway import session
from hostler.gateway.route import Choice
from hostler.modelserver import frames, page

HEADER = "x-amzn-sagemaker-session-id"
FIRST, SECOND = "i-00000000000000001", "i-00000000000000002"


def answer(request_id: int, *, told: str = "", closed: str = "") -> bytes:
    meta = f"text/plain\0\0{told}\0\0{closed}".rstrip("\0").encode()
    return frames.response(request_id, 200, meta, b"ok")


def of(instance_id: str, own: str = "s1") -> str:
    begun = session.begun(own, instance_id)
    assert begun is not None
    return begun


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("s1", f"s1-ffffffff-{FIRST}"),
        ("a-b-c", f"a-b-c-ffffffff-{FIRST}"),
        (
            "s1; Expires=2030-01-02T03:04:05Z",
            f"s1-70dd5525-{FIRST}; Expires=2030-01-02T03:04:05Z",
        ),
        ("s1;Expires=2030-01-02T03:04:05Z", f"s1-70dd5525-{FIRST}; Expires=2030-01-02T03:04:05Z"),
        ("s1; Expires=2030-13-02T03:04:05Z", None),
        ("s1; Expires=soon", None),
        ("-s1", None),
        ("s 1", None),
        ("s1\r\nX: y", None),
        ("s" * 228, None),
    ],
)
def test_a_caller_is_told_the_name_its_end_and_the_instance(told: str, found: str | None) -> None:
    assert session.begun(told, FIRST) == found
    if found is not None:
        outward = found.split(";")[0]
        assert session.PATTERN.fullmatch(outward)
        assert len(outward) <= session.LENGTH_MAX
        assert session.read(outward).own == told.split(";", maxsplit=1)[0]
        assert session.read(outward).instance_id == FIRST


def test_what_a_model_may_name_at_most_is_read_back() -> None:
    longest = "s" * session._OWN_MAX
    outward = session.begun(longest, FIRST)
    assert outward is not None
    assert len(outward) == session.LENGTH_MAX
    assert session.read(outward).own == longest


@pytest.mark.parametrize("value", ["mine", f"s1-{FIRST}", f"s1-xyz-{FIRST}", "s1-ffffffff-i-1"])
def test_an_id_that_no_gateway_made_is_unknown(value: str) -> None:
    with pytest.raises(CallerError, match="was not found"):
        session.read(value)


def two(made: Bench, credit: int = 1) -> tuple[Any, Any]:
    return made.instance(FIRST, credit), made.instance(SECOND, credit)


def test_a_session_is_begun_continued_and_closed_with_the_models_own_name() -> None:
    with bench() as made:
        first, second = two(made)
        client = made.client()
        client.sends(signed(**{HEADER: session.NEW}))
        [(_, link_id, payload)] = first.heard() or second.heard()
        began, other = (first, second) if first.link.inflight else (second, first)
        assert payload[6:].split(b"\0")[5].startswith(b"NEW_SESSION")
        began.says(answer(link_id, told="s1"))
        mine = of(began.link.target.instance_id)
        assert f"X-Amzn-SageMaker-New-Session-Id: {mine}\r\n".encode() in client.wire.written
        for _ in range(3):
            client.sends(signed(**{HEADER: mine}))
            [(_, link_id, payload)] = began.heard()
            assert payload[6:].split(b"\0")[5].startswith(b"s1")
            assert not other.heard()
            client.wire.written = b""
            began.says(answer(link_id, told="again", closed="s1"))
        assert b"New-Session-Id" not in client.wire.written
        assert f"Closed-Session-Id: {mine}\r\n".encode() in client.wire.written


def test_a_name_that_is_none_is_the_models_failure() -> None:
    with bench() as made:
        worker = made.instance(FIRST)
        client = made.client()
        client.sends(signed(**{HEADER: session.NEW}))
        worker.says(answer(1, told="no name"))
        [(status, body)] = client.reads()
        assert status == 424
        assert "malformed header" in json.loads(body)["OriginalMessage"]


def test_who_waits_for_a_sessions_instance_holds_up_no_other() -> None:
    with bench() as made:
        first, second = two(made)
        busy, waiting, other = (made.client() for _ in range(3))
        busy.sends(signed(**{HEADER: of(FIRST)}))
        waiting.sends(signed(**{HEADER: of(FIRST)}))
        other.sends(signed())
        assert len(first.heard()) == 1
        assert len(second.heard()) == 1
        second.says(answer(1))
        assert other.reads() == [(200, b"ok")]
        assert waiting.reads() == []
        first.says(answer(1))
        assert [status for status, _ in busy.reads()] == [200]
        assert len(first.heard()) == 1, "its turn has come"
        first.says(answer(2))
        assert waiting.reads() == [(200, b"ok")]


def test_who_would_wait_too_long_for_a_session_s_instance_is_refused_and_others_are_not() -> None:
    """Twenty may be unanswered at both instances, so ten at one."""
    with bench() as made:
        _first, second = two(made, credit=2)
        made.pool.unanswered_max = 20
        callers = [made.client() for _ in range(15)]
        for caller in callers:
            caller.sends(signed(**{HEADER: of(FIRST)}))
        answers = [caller.reads() for caller in callers]
        assert answers[:10] == [[]] * 10
        assert [status for ((status, _),) in answers[10:]] == [503] * 5
        other = made.client()
        other.sends(signed())
        assert len(second.heard()) == 1
        assert other.reads() == []


def test_a_session_s_request_waits_while_its_worker_is_started_again() -> None:
    with bench() as made:
        first, _second = two(made)
        made.pool.unanswered_max = 20
        first.wire.close()
        caller = made.client()
        caller.sends(signed(**{HEADER: of(FIRST)}))
        assert caller.reads() == []
        assert made.pool.pinned_waiting == 1


def test_a_session_ends_with_its_instance() -> None:
    with bench() as made:
        first, _second = two(made)
        busy, waiting = made.client(), made.client()
        busy.sends(signed(**{HEADER: of(FIRST)}))
        waiting.sends(signed(**{HEADER: of(FIRST)}))
        made.pool.targets = made.pool.targets[1:]
        first.link.target.retire()
        made.pool.pump()
        [(status, body)] = waiting.reads()
        assert status == 400
        assert b"its instance is gone" in body
        assert made.pool.pinned_waiting == 0
        late = made.client()
        late.sends(signed(**{HEADER: of(FIRST)}))
        assert b"its instance is gone" in late.reads()[0][1]


def test_one_that_is_lost_on_its_way_to_a_retired_instance_is_told_at_once(tmp_path: Path) -> None:
    shared = str(tmp_path / "page")
    page.create(shared, 1)
    mapped = page.open_page(shared, write=True)
    page.write_state(page.writer(mapped, 0), page.READY, 77)  # it has taken nothing
    with bench() as made:
        first = made.instance(FIRST, 1, page=shared)
        made.instance(SECOND, 1)
        caller = made.client()
        caller.sends(signed(**{HEADER: of(FIRST)}))
        assert len(first.heard()) == 1
        made.pool.targets = made.pool.targets[1:]
        first.link.target.retire()
        first.wire.close()
        [(status, body)] = caller.reads()
        assert status == 400
        assert b"its instance is gone" in body


def test_a_session_asked_for_on_another_variant_is_refused() -> None:
    with bench() as made:
        made.instance(FIRST)
        other = replace(made.variant, name="Other")
        endpoint = next(iter(made.gateway.routes.endpoints.values()))
        both = replace(
            endpoint,
            variants=(made.variant, other),
            by_name={each.name: Choice((each,), (), 1.0) for each in (made.variant, other)},
        )
        made.gateway.routes = replace(
            made.gateway.routes,
            endpoints=dict.fromkeys(made.gateway.routes.endpoints, both),
        )
        client = made.client()
        client.sends(signed(**{HEADER: of(FIRST), "x-amzn-sagemaker-target-variant": "Other"}))
        [(status, body)] = client.reads()
        assert status == 400
        assert b"belongs to variant" in body
