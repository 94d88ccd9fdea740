"""Clients that sign what changes with each request are served as if there was no short cut.

A mould's holes were once cut into headers that the signature covers: from the second call on, good
signatures were refused.
"""

from uuid import uuid4

import pytest

from gateway_pieces import Bench, Client, Worker, bench
from hostler.aws.recurring import CHANGING
from mould_requests import CHANGE, by_go, signing_one, written

BODIES = (b"hello", b"other", b"a longer body", b"hello", b"x" * 200)


def serve(worker: Worker, client: Client, data: bytes) -> int:
    """The status of one request."""
    client.sends(data)
    for _, request_id, _ in worker.heard():
        worker.answers(request_id)
    ((status, _),) = client.reads()
    return status


def assert_nothing_is_cast(made: Bench, client: Client, data: bytes) -> None:
    assert client.connection.mould is None
    assert client.connection.moulds_cast == 0
    assert made.gateway.moulds.find(data) is None


@pytest.mark.parametrize("connections", [1, 3])
def test_each_call_of_a_client_that_signs_all_is_accepted(connections):
    with bench() as made:
        worker = made.instance()
        clients = [made.client() for _ in range(connections)]
        for body in BODIES:
            for client in clients:
                data = by_go(body, amz_sdk_invocation_id=str(uuid4()))
                assert serve(worker, client, data) == 200
                assert_nothing_is_cast(made, client, data)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"id: 3f2a-01", b"id: 3f2a-02"),
        (b"attempt=1", b"attempt=2"),
        (b"identity", b"deflated"),
        (b"text/csv", b"text/xml"),
    ],
)
def test_what_is_signed_may_not_be_another(before, after):
    with bench() as made:
        worker, client = made.instance(), made.client()
        for _ in range(2):
            assert serve(worker, client, by_go()) == 200
        assert before in by_go()
        assert serve(worker, client, by_go().replace(before, after, 1)) == 403
        assert serve(worker, client, by_go()) == 200


@pytest.mark.parametrize("name", sorted(CHANGING))
def test_one_of_them_signed_is_enough(name):
    with bench() as made:
        worker, client = made.instance(), made.client()
        later = {
            **CHANGE,
            "content-length": "6",
            "amz-sdk-invocation-id": "3f2a-77",
            "amz-sdk-request": "ttl=20261128T054511Z; attempt=2; max=3",
        }
        for values, body in ((CHANGE, b"hello"), (later, b"hello!"), (CHANGE, b"hello")):
            data = signing_one(name, values, body)
            assert serve(worker, client, data) == 200
            assert_nothing_is_cast(made, client, data)


@pytest.mark.parametrize("name", ["user-agent", "accept-encoding", "x-amzn-trace-id", "x-amz-note"])
def test_what_else_is_signed_is_compared(name):
    with bench() as made:
        worker, client = made.instance(), made.client()

        def saying(value: str) -> bytes:
            return written(b"hello", [("host", "h:1"), (name, value)], [("content-length", "5")])

        for value in ("one", "one", "two", "one"):
            assert serve(worker, client, saying(value)) == 200
            assert client.connection.mould is not None
        assert serve(worker, client, saying("one").replace(b": one", b": two")) == 403
