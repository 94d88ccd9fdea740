"""Requests to make a model ready: one a name, gone when tried or withdrawn."""

from collections.abc import Iterator

import pytest

from hostler.domain.ids import Arn
from hostler.domain.model import Container, Model, ModelData
from hostler.store import preparations
from hostler.store.database import Store
from memory_stores import memory_store

ONE = Arn("arn:aws:sagemaker:us-east-1:123456789012:model/one")
TWO = Arn("arn:aws:sagemaker:us-east-1:123456789012:model/two")
OLD = Model("One", Container("image:1", {"A": "1"}, ModelData("s3://b/k")), "role")
NEW = Model("One", Container("image:2"), "role")


@pytest.fixture
def store() -> Iterator[Store]:
    with memory_store() as made:
        yield made


def test_a_request_is_kept_until_it_was_tried(store: Store) -> None:
    store.run(lambda tx: preparations.ask(tx, ONE, OLD), write=True)
    store.run(lambda tx: preparations.ask(tx, TWO, NEW), write=True)
    assert store.run(preparations.keys) == [ONE, TWO]
    assert store.run(lambda tx: preparations.get(tx, ONE)) == OLD
    store.run(lambda tx: preparations.settle(tx, ONE, OLD), write=True)
    assert store.run(preparations.keys) == [TWO]
    assert store.run(lambda tx: preparations.get(tx, ONE)) is None
    store.run(lambda tx: preparations.withdraw(tx, TWO), write=True)
    assert store.run(preparations.keys) == []


def test_a_later_request_of_the_same_name_is_not_settled_with_the_earlier_one(store: Store) -> None:
    store.run(lambda tx: preparations.ask(tx, ONE, OLD), write=True)
    store.run(lambda tx: preparations.ask(tx, ONE, NEW), write=True)
    store.run(lambda tx: preparations.settle(tx, ONE, OLD), write=True)
    assert store.run(lambda tx: preparations.get(tx, ONE)) == NEW
