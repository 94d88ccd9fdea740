"""Models made ready before an endpoint asks: tried once, and nothing depends on it."""

from collections.abc import Awaitable, Callable

import pytest

from hostler.control.ahead import ModelPreparer
from hostler.domain.ids import AccountId, Arn, Region
from hostler.domain.instance import InstanceSpec
from hostler.domain.model import Container, Model
from hostler.sim import loop as virtual
from hostler.sim.backend import Boot, FakeBackend
from hostler.sim.world import StartClock
from hostler.store import preparations, schema
from hostler.store.database import Store
from hostler.store.models import MODELS
from hostler.store.records import Record

ARN = Arn("arn:aws:sagemaker:us-east-1:123456789012:model/m")
MODEL = Model("m", Container("image:1"), "arn:aws:iam::123456789012:role/r")


class Watched(FakeBackend):
    """Remembers what it was asked to prepare; ``meanwhile`` happens during it."""

    def __init__(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        super().__init__(StartClock(0.0), _script)
        self.prepared: list[tuple[Container, str]] = []
        self.given_up: list[Arn] = []
        self._meanwhile = meanwhile

    async def prepare(self, model: Arn, container: Container, role_arn: str) -> None:
        self.prepared.append((container, role_arn))
        self._meanwhile()

    async def give_up(self, model: Arn) -> None:
        self.given_up.append(model)


def _script(_spec: InstanceSpec, _launch: int) -> Boot:
    return Boot()


def play(story: Callable[[Store], Awaitable[None]]) -> None:
    store = Store("sqlite://", inline=True, tables=schema.metadata)
    store.create_tables()

    async def run() -> None:
        await story(store)

    try:
        virtual.run(run())
    finally:
        store.close()


def test_a_model_is_made_ready_once() -> None:
    async def story(store: Store) -> None:
        backend = Watched()
        preparer = ModelPreparer(store, backend)
        await store.write(lambda tx: preparations.ask(tx, ARN, MODEL))
        assert list(await preparer.keys()) == [ARN]
        await preparer.reconcile(ARN)
        await preparer.reconcile(ARN)
        assert backend.prepared == [(MODEL.container, MODEL.role_arn)]
        assert list(await preparer.keys()) == []

    play(story)


def test_a_model_that_was_deleted_meanwhile_costs_nothing() -> None:
    async def story(store: Store) -> None:
        backend = Watched()
        await store.write(lambda tx: preparations.ask(tx, ARN, MODEL))
        await store.write(lambda tx: preparations.withdraw(tx, ARN))
        await ModelPreparer(store, backend).reconcile(ARN)
        assert backend.prepared == []

    play(story)


def test_a_deleted_model_is_given_up_and_one_that_is_ready_is_not() -> None:
    request = Record(AccountId("123456789012"), Region("us-east-1"), "m", ARN, 0.0, {})

    async def story(store: Store) -> None:
        backend = Watched()
        preparer = ModelPreparer(store, backend)
        await store.write(lambda tx: MODELS.create(tx, request))
        await preparer.reconcile(ARN)
        assert backend.given_up == []
        await store.write(lambda tx: MODELS.remove(tx, request.account, request.region, "M"))
        await preparer.reconcile(ARN)
        assert backend.given_up == [ARN]

    play(story)


def test_one_that_was_replaced_meanwhile_is_made_ready_again() -> None:
    newer = Model("m", Container("image:2"), MODEL.role_arn)

    async def story(store: Store) -> None:
        def replace() -> None:
            store.run(lambda tx: preparations.ask(tx, ARN, newer), write=True)

        backend = Watched(replace)
        await store.write(lambda tx: preparations.ask(tx, ARN, MODEL))
        preparer = ModelPreparer(store, backend)
        await preparer.reconcile(ARN)
        assert list(await preparer.keys()) == [ARN]
        await preparer.reconcile(ARN)
        assert [container for container, _ in backend.prepared] == [
            MODEL.container,
            newer.container,
        ]

    play(story)


def test_a_failure_of_ours_is_tried_again() -> None:
    class Failing(Watched):
        async def prepare(self, model: Arn, container: Container, role_arn: str) -> None:
            raise OSError("injected")

    async def story(store: Store) -> None:
        await store.write(lambda tx: preparations.ask(tx, ARN, MODEL))
        preparer = ModelPreparer(store, Failing())
        with pytest.raises(OSError, match="injected"):
            await preparer.reconcile(ARN)
        assert list(await preparer.keys()) == [ARN]

    play(story)
