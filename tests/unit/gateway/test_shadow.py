"""Copies of requests for a shadow: after the answer, bounded, counted, and felt by nobody."""

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_pieces import Wire, signed
from hostler.gateway.stream import STREAM_MIN
from hostler.modelserver import frames
from shadow_pieces import Shadowed, shadowed


@pytest.fixture
def demo():
    with shadowed() as made:
        yield made


def copies(made: Shadowed) -> list[tuple[int, bytes]]:
    """What the shadow's instance was sent: id and body."""
    made.turn()
    head = frames.REQUEST_HEAD.size
    found = []
    for kind, number, payload in made.next.heard():
        if kind == frames.REQUEST:
            meta = frames.REQUEST_HEAD.unpack_from(payload)[1]
            found.append((number, payload[head + meta :]))
    return found


def test_the_caller_is_answered_before_the_copy_is_even_queued(
    demo: Shadowed, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = []
    write = Wire.write

    def noted(wire: Wire, data: Any) -> None:
        waiting.append(len(demo.mirror.pool.waiting))
        write(wire, data)

    client = demo.bench.client()
    client.sends(signed(b"[1]"))
    asked = demo.asked()
    monkeypatch.setattr(Wire, "write", noted)
    demo.live.answers(asked, b"yes")
    assert waiting == [0], "while the answer was written there was no copy"
    assert client.reads() == [(200, b"yes")]
    assert len(demo.mirror.pool.waiting) == 1, "and then it was queued"
    assert demo.next.heard() == [], "and it leaves in a later turn"
    assert copies(demo) == [(1, b"[1]")]


def test_what_the_shadow_answers_reaches_nobody(demo: Shadowed) -> None:
    client = demo.call()
    client.reads()
    ((number, _),) = copies(demo)
    demo.next.answers(number, b"mine", status=500)
    assert client.wire.written == b""
    assert not client.wire.closed
    told = demo.told()
    assert (told["copied"], told["invocations"], told["errors_5xx"]) == (1, 1, 1)
    assert demo.bench.variant.counters.errors_5xx == 0


def test_a_share_of_the_requests_is_copied(demo: Shadowed) -> None:
    demo.route(mirrored=0.25)
    draws = iter([0.0, 0.2499, 0.25, 0.9])
    demo.mirror._draw = lambda: next(draws)
    for number in range(4):
        demo.call(b"[%d]" % number)
    assert [body for _, body in copies(demo)] == [b"[0]", b"[1]"]


def test_an_error_of_the_model_is_copied_as_well(demo: Shadowed) -> None:
    client = demo.bench.client()
    client.sends(signed())
    demo.live.answers(demo.asked(), b"no", status=400)
    assert client.reads()[0][0] == 424
    ((number, _),) = copies(demo)
    demo.next.answers(number, b"yes")
    assert demo.told()["agreements"] == {"different": 1}


@pytest.mark.parametrize(
    ("limits", "body", "why"),
    [
        ({"shadow_copies_max": 2}, b"{}", "full"),
        ({"shadow_bytes_max": 12}, b"four", "full"),
        ({"shadows_bytes_max": 12}, b"four", "full"),
        ({"shadow_body_bytes_max": 3}, b"four", "too_large"),
    ],
)
def test_what_finds_no_room_is_not_copied_and_counted(
    limits: dict[str, int], body: bytes, why: str
) -> None:
    with shadowed(**limits) as demo:
        clients = [demo.call(body) for _ in range(5)]
        assert [client.reads() for client in clients] == [[(200, b"ok")]] * 5
        told = demo.told()
        assert told["dropped"] == {why: 5 - told["copied"]}
        for number, _ in copies(demo):
            demo.next.answers(number)
        demo.call(body)
        assert len(copies(demo)) == (why == "full"), "there is room again"


def test_a_large_answer_and_a_session_are_not_copied(demo: Shadowed) -> None:
    client = demo.bench.client()
    client.sends(signed())
    demo.live.says(frames.response(demo.asked(), 200, b"text/plain\0", b"x" * STREAM_MIN))
    assert len(client.reads()[0][1]) == STREAM_MIN
    demo.call(x_amzn_sagemaker_session_id="NEW_SESSION")
    assert copies(demo) == []
    assert demo.told()["dropped"] == {"too_large": 1, "session": 1}


def test_a_shadow_that_answers_nothing_takes_nothing_from_production(demo: Shadowed) -> None:
    for _ in range(3):
        demo.call()
    assert len(copies(demo)) == 3
    gateway, link = demo.gateway, demo.live.link
    assert (gateway.in_flight, link.unanswered, link.target.outstanding) == (0, 0, 0)
    assert (len(demo.bench.pool.waiting), demo.bench.pool.waiting_bytes) == (0, 0)
    assert demo.next.link.unanswered == 3


def test_copies_that_are_late_are_given_up(demo: Shadowed) -> None:
    for _ in range(3):
        demo.call()
    assert len(copies(demo)) == 3
    demo.next.link.going_away = True
    demo.call()
    assert copies(demo) == []
    demo.mirror.sweep(2**62)
    told = demo.told()
    assert (told["errors_5xx"], told["dropped"]) == (3, {"late": 1})
    assert demo.mirror._copies == {}
    assert {kind for kind, *_ in demo.next.heard()} == {frames.CANCEL}


def test_copies_whose_instance_is_lost_are_not_sent_again(demo: Shadowed) -> None:
    demo.call()
    assert len(copies(demo)) == 1
    other = demo.shadow_instance("i-other")
    demo.next.wire.close()
    assert other.heard() == []
    assert sum(demo.told()[name] for name in ("errors_5xx",)) == 1, "it may have been taken"
    assert demo.mirror._copies == {}


def test_a_large_answer_of_the_shadow_is_let_go_of(demo: Shadowed) -> None:
    demo.call()
    ((number, _),) = copies(demo)
    data = frames.response(number, 200, b"text/plain\0", b"x" * STREAM_MIN)
    for piece in (data[:1000], data[1000:]):
        demo.next.says(piece)
    told = demo.told()
    assert (told["invocations"], told["uncompared"]) == (1, 1)
    assert demo.mirror._copies == {}


@pytest.mark.parametrize("shadowed_again", [False, True])
def test_when_the_shadow_goes_its_copies_end(demo: Shadowed, shadowed_again: bool) -> None:
    demo.call()
    assert len(copies(demo)) == 1
    demo.next.link.going_away = True
    demo.call()
    mirror = demo.mirror
    demo.route(shadowed=shadowed_again)
    if shadowed_again:
        assert demo.mirror is mirror, "one that stays keeps what it has"
        assert len(mirror._copies) == 2
        return
    assert mirror._copies == {}
    assert demo.told()["dropped"] == {"lost": 1}
    client = demo.call()
    assert client.reads() == [(200, b"ok")]


def test_a_shadow_without_instances_is_told_so(demo: Shadowed) -> None:
    demo.mirror.pool.targets = ()
    demo.call()
    demo.turn()
    demo.gateway.sweep(1e6)
    assert demo.told()["dropped"] == {"late": 1}
    demo.call()
    demo.mirror.pool.refuse_unreachable(2**62, lambda copy: copy.refuse(Any))
    assert demo.told()["dropped"] == {"unreachable": 1}


def test_the_numbers_of_a_shadow_are_in_its_record(demo: Shadowed) -> None:
    demo.call()
    ((number, _),) = copies(demo)
    demo.next.answers(number)
    demo.call(x_amzn_sagemaker_session_id="NEW_SESSION")
    written = [orjson.dumps(record) for record in demo.gateway.recorder.records(1.0)]
    by_variant = {record["variant"]: record for record in map(orjson.loads, written)}
    assert by_variant.keys() == {"AllTraffic", "next"}
    assert by_variant["next"]["shadow"] == {
        "copied": 1,
        "dropped": {"session": 1},
        "agreements": {"equal": 1},
        "uncompared": 0,
        "examples": [],
    }
    assert "shadow" not in by_variant["AllTraffic"]
    assert list(demo.gateway.recorder.records(2.0)) == []


def test_a_difference_is_written_down_only_where_a_tag_says_so_and_not_often(
    demo: Shadowed,
) -> None:
    for tags in ({}, {"hostler:shadow-examples": "on"}):
        demo.route(**tags)
        for number in range(3):
            demo.call(b'{"a":%d}' % number, b"[1]")
        for number, _ in copies(demo):
            demo.next.answers(number, b"[2]" + b" " * 5000)
        told = demo.told()
        assert told["agreements"] == {"different": 3}
        if not tags:
            assert told["examples"] == []
        else:
            (example,) = map(orjson.loads, told["examples"])
            assert example["request"] == '{"a":0}'
            assert example["production"]["body"] == "[1]"
            assert len(example["shadow"]["body"]) == 1024


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(["call", "turn", "answer", "fail", "lose", "late", "gone", "back"]),
        max_size=30,
    )
)
def test_whatever_becomes_of_copies_callers_are_answered_and_nothing_is_held(
    steps: list[str],
) -> None:
    with shadowed(shadow_copies_max=3) as demo:
        workers, copying = [demo.next], demo.mirror._copying
        is_shadowed = True
        for number, step in enumerate(steps):
            worker = workers[-1]
            match step:
                case "call":
                    assert demo.call(b"[%d]" % number).reads() == [(200, b"ok")]
                case "turn":
                    demo.turn()
                case "answer" | "fail" if worker.link.inflight:
                    first = next(iter(worker.link.inflight))
                    worker.answers(first, status=200 if step == "answer" else 500)
                case "lose" if is_shadowed and not worker.wire.closed:
                    worker.wire.close()
                    demo.mirror.pool.targets = ()
                    workers.append(demo.shadow_instance(f"i-{number}"))
                case "late":
                    if is_shadowed:
                        demo.mirror.sweep(2**62)
                case "gone" | "back":
                    demo.route(shadowed=step == "back")
                    if step == "back" and not is_shadowed:
                        workers.append(demo.shadow_instance(f"i-{number}"))
                    is_shadowed = step == "back"
        demo.route(shadowed=False)
        assert copying.room._held == 0
        told = demo.told()
        judged = sum(told["agreements"].values()) + told["uncompared"]
        assert judged <= told["invocations"] <= told["copied"]
