"""What is kept of a client's requests holds until the next snapshot, and no signature longer."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from gateway_pieces import Bench, Client, Worker, bench, signed
from gateway_rig import ACCOUNT, REGION, ROOT_KEY, snapshot_of
from hostler.domain.ids import sagemaker_arn
from hostler.domain.snapshot import Credential, EndpointRoute, Snapshot, VariantRoute
from hostler.gateway import short

ARN = sagemaker_arn(REGION, ACCOUNT, "endpoint", "Demo")
DEMO = EndpointRoute(ACCOUNT, REGION, "Demo", ARN, (VariantRoute("AllTraffic", 1.0, ()),))
SNAPSHOT = snapshot_of((DEMO,))


class Known:
    """A client whose requests take the short way."""

    def __init__(self, made: Bench) -> None:
        self.bench = made
        self.worker: Worker = made.instance()
        self.client: Client = made.client()
        self.answered = 0
        for _ in range(3):
            assert self.call() == (200, b"ok")
        mould = self.client.connection.mould
        assert mould is not None
        assert mould.way is not None

    def call(self, data: bytes | None = None) -> tuple[int, bytes]:
        self.client.sends(data or signed(b"{}"))
        if self.client.connection.current is not None:
            self.answered += 1
            self.worker.answers(self.answered)
        answers = self.client.reads()
        assert len(answers) == 1
        return answers[0]


@pytest.fixture
def known() -> Iterator[Known]:
    with bench() as made:
        yield Known(made)


def without_credentials(snapshot: Snapshot) -> Snapshot:
    return replace(snapshot, credentials=())


def with_another_secret(snapshot: Snapshot) -> Snapshot:
    (root, *_) = snapshot.principals
    return replace(snapshot, credentials=(Credential(ROOT_KEY, "another", root.arn),))


def without_permission(snapshot: Snapshot) -> Snapshot:
    root, *others = snapshot.principals
    return replace(snapshot, principals=(replace(root, is_root=False), *others))


def without_endpoint(snapshot: Snapshot) -> Snapshot:
    return replace(snapshot, endpoints=())


@pytest.mark.parametrize(
    ("change", "status", "text"),
    [
        (without_credentials, 403, b"security token included in the request is invalid"),
        (with_another_secret, 403, b"signature"),
        (without_permission, 400, b"not authorized to perform: sagemaker:InvokeEndpoint"),
        (without_endpoint, 400, b"Endpoint Demo of account 123456789012 not found"),
    ],
)
def test_nothing_of_an_older_snapshot_is_used(
    known: Known, change: Callable[[Snapshot], Snapshot], status: int, text: bytes
) -> None:
    known.bench.gateway.use(replace(change(SNAPSHOT), generation=2))
    got, body = known.call()
    assert got == status
    assert text in body
    known.bench.gateway.use(replace(SNAPSHOT, generation=3))
    # Its instances are others now: that nothing but a free one is missing shows that it is routed.
    known.client.sends(signed(b"{}"))
    assert known.client.connection.current is not None


def test_each_signature_is_verified(known: Known) -> None:
    good = signed(b"{}")
    status, body = known.call(good[:-2] + b"[]")
    assert status == 403
    assert b"signature" in body
    assert known.call() == (200, b"ok")


def test_the_variant_that_is_asked_for_is_kept_with_the_mould() -> None:
    with bench() as made:
        two = (VariantRoute("A", 0.0, ()), VariantRoute("B", 1.0, ()))
        made.gateway.use(replace(SNAPSHOT, endpoints=(replace(DEMO, variants=two),), generation=2))
        endpoint = made.gateway.routes.find(ACCOUNT, REGION, "Demo")
        assert endpoint is not None
        made.pool = endpoint.by_name["A"].variants[0].pool
        worker, client = made.instance(), made.client()
        for number in (1, 2, 3):
            client.sends(signed(b"{}", x_amzn_sagemaker_target_variant="A"))
            worker.answers(number)
            assert client.reads() == [(200, b"ok")]


def test_a_defect_in_the_short_way_ends_one_request(
    known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> float:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(short, "time", broken)
        assert known.call()[0] == 500
    assert known.call() == (200, b"ok")


def at_once(made: Bench, worker: Worker, count: int) -> list[Client]:
    """Clients that were answered before, and now all call at once."""
    clients = [made.client() for _ in range(count)]
    for number, client in enumerate(clients, 1):
        client.sends(signed(b"{}"))
        worker.answers(number)
        client.reads()
    for client in clients:
        client.sends(signed(b"{}"))
    return clients


def test_who_finds_no_room_waits_in_line() -> None:
    with bench() as made:
        worker = made.instance(credit=1)
        clients = at_once(made, worker, 3)
        assert [client.connection.mould is not None for client in clients] == [True] * 3
        assert len(made.pool.waiting) == 2
        for number, client in enumerate(clients, 4):
            worker.answers(number)
            assert client.reads() == [(200, b"ok")]


def test_one_that_waits_for_a_variant_that_goes_is_routed_again() -> None:
    """It took the short way, which did not say whose it was: an internal failure."""
    with bench() as made:
        clients = at_once(made, made.instance(credit=1), 2)
        assert len(made.pool.waiting) == 1
        green = replace(DEMO, variants=(VariantRoute("Green", 1.0, ()),))
        made.gateway.use(replace(SNAPSHOT, endpoints=(green,), generation=2))
        endpoint = made.gateway.routes.find(ACCOUNT, REGION, "Demo")
        assert endpoint is not None
        made.pool = endpoint.variants[0].pool
        assert len(made.pool.waiting) == 1
        made.instance("i-2").answers(1)
        assert clients[1].reads() == [(200, b"ok")]
