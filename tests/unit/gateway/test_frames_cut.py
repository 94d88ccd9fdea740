"""Frames cut at every byte, cut off, of other versions, and of nobody's making."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway_pieces import Bench, Client, Worker, bench, signed
from hostler.modelserver import frames

META = b"text/plain\0"
ANSWERS = (b"one", b"", b"three parts of it")


@pytest.fixture
def gateway():
    with bench() as made:
        yield made


def asked(made: Bench, count: int) -> tuple[Worker, list[Client]]:
    """A worker, and clients that wait for its answers to the ids from 1 on."""
    worker, clients = made.instance(), [made.client() for _ in range(count)]
    for client in clients:
        client.sends(signed())
    worker.heard()
    return worker, clients


def stream() -> bytes:
    """Answers to 1, 2 and 3, and all else that a worker may say between them."""
    return b"".join(
        (
            frames.response(1, 200, META, ANSWERS[0]),
            frames.frame(frames.PONG, 0, b"payload"),
            frames.response(3, 200, META, b"three ", frames.MORE),
            frames.frame(frames.CREDIT, 0, frames.CREDIT_PAYLOAD.pack(5)),
            frames.response(2, 200, META, ANSWERS[1]),
            frames.frame(frames.PART, 3, b"parts ", frames.MORE),
            frames.frame(99, 3, b"of a newer worker"),
            frames.frame(frames.PART, 3, b"of it"),
            frames.frame(frames.GOAWAY, 0),
        )
    )


def test_frames_cut_at_every_byte_are_the_same_frames(gateway: Bench) -> None:
    whole = stream()
    expected = frames.Decoder().feed(whole)
    for cut in range(len(whole) + 1):
        decoder = frames.Decoder()
        assert decoder.feed(whole[:cut]) + decoder.feed(whole[cut:]) == expected
        worker, clients = asked(gateway, 3)
        worker.says(whole[:cut])
        worker.says(whole[cut:])
        assert [client.reads() for client in clients] == [[(200, body)] for body in ANSWERS]
        assert worker.link.window == 69
        assert worker.link.unanswered == 0
        assert not worker.link.available()  # it goes away
        worker.wire.close()
        gateway.pool.targets = ()
        gateway.later.clear()


def test_a_stream_that_ends_at_any_byte_answers_each_client_once(gateway: Bench) -> None:
    """With its own answer where that was whole, else with an error; none waits for ever."""
    whole = stream()
    for cut in range(len(whole) + 1):
        worker, clients = asked(gateway, 3)
        worker.says(whole[:cut])
        worker.wire.close()
        for client, body in zip(clients, ANSWERS, strict=True):
            ((status, got),) = client.reads()
            assert (status, got) == (200, body) or status == 424
        assert not gateway.gateway.active
        assert gateway.pool.targets[-1].outstanding == 0
        gateway.pool.targets = ()
        gateway.later.clear()


@pytest.mark.parametrize("version", [0, frames.VERSION + 1, 255])
def test_frames_of_another_version_are_refused_on_both_sides(gateway: Bench, version: int) -> None:
    """A header's form is its version's: nothing behind it can be read."""
    header = frames.HEADER.pack(0, version, frames.PONG, 0, 1)
    with pytest.raises(frames.FrameError, match=f"frame version {version}, expected 1"):
        frames.Decoder().feed(header)
    worker, (client,) = asked(gateway, 1)
    worker.says(header)
    assert worker.wire.closed
    assert [status for status, _ in client.reads()] == [424]


def test_what_a_newer_version_adds_behind_the_fields_known_here_is_passed_over(
    gateway: Bench,
) -> None:
    hello = frames.HELLO_PAYLOAD.pack(4, 0, 77) + b"more of a newer worker"
    worker = gateway.instance(hello=frames.frame(frames.HELLO, 9, hello, flags=0x8000))
    link = worker.link
    assert (link.window, link.serial, link.pid) == (4, 9, 77)
    worker.says(frames.frame(frames.CREDIT, 0, frames.CREDIT_PAYLOAD.pack(2) + b"more", 0x4000))
    assert link.window == 6
    client = gateway.client()
    client.sends(signed())
    meta = b"\0".join((b"text/plain", b"", b"", b"", b"a field of the future"))
    worker.says(frames.response(1, 200, meta, b"ok", flags=0x8000))
    assert client.reads() == [(200, b"ok")]


def test_parts_for_nobody_end_the_connection(gateway: Bench) -> None:
    """They were kept for as long as it lasted."""
    worker = gateway.instance()
    worker.says(frames.response(5, 200, META, b"x", frames.MORE))
    assert worker.wire.closed


def test_parts_of_an_answer_that_was_given_up_are_not_kept(gateway: Bench) -> None:
    worker, (client,) = asked(gateway, 1)
    client.leaves()
    worker.says(frames.response(1, 200, META, b"x" * 1000, frames.MORE))
    worker.says(frames.frame(frames.PART, 1, b"x" * 1000, frames.MORE))
    assert not worker.link._parts
    worker.says(frames.frame(frames.PART, 1, b"the end"))
    assert worker.link.unanswered == 0
    assert not worker.wire.closed


@pytest.mark.parametrize("kind", [frames.HELLO, frames.CREDIT, frames.RESPONSE])
def test_a_payload_shorter_than_its_kind_ends_the_connection(gateway: Bench, kind: int) -> None:
    worker, (client,) = asked(gateway, 1)
    worker.says(frames.frame(kind, 1, b"\0"))
    assert worker.wire.closed
    assert [status for status, _ in client.reads()] == [424]


pieces = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.builds(
            frames.frame,
            st.integers(0, 12),
            st.integers(0, 4),
            st.binary(max_size=20),
            st.integers(0, 1),
        ),
        st.builds(
            frames.response,
            st.integers(0, 4),
            st.sampled_from([0, 200, 404, 500, 65535]),
            st.sampled_from([b"", META, b"a\r\nb: c\0", b"\xff"]),
            st.binary(max_size=20),
            st.integers(0, 1),
        ),
    ),
    max_size=12,
)


@settings(max_examples=200, deadline=None)
@given(pieces, st.booleans())
@example(said=[frames.frame(frames.HELLO, 0, bytes(12))], cut=False)
def test_whatever_a_worker_says_disturbs_nobody_else(said: list[bytes], cut: bool) -> None:
    """Its connection ends at most, and its clients are answered once."""
    with bench() as made:
        worker, clients = asked(made, 3)
        for data in said:
            for piece in [data[:7], data[7:]] if cut else [data]:
                if piece and not worker.wire.closed:
                    worker.says(piece)
        worker.wire.close()
        for client in clients:
            if not client.wire.closed:
                assert len(client.reads()) == 1
        assert not made.gateway.active
        assert not made.gateway._defects
        assert worker.link.target.outstanding == 0
