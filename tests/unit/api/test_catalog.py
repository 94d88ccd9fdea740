"""The operation table: everything in it exists in AWS's models."""

import re

from hostler.api import catalog, tables
from hostler.api.registry import Effect
from hostler.aws import specs


def test_every_operation_listed_is_one_of_aws() -> None:
    for service, operations in catalog.implemented().items():
        known = specs.service(service)
        assert [name for name in operations if known.operation(name) is None] == [], service


def test_the_main_jobs_operations_are_listed() -> None:
    found = catalog.implemented()
    assert {"CreateModel", "UpdateEndpoint", "ListTags"} <= set(found["sagemaker"])
    assert "InvokeEndpoint" in found["sagemaker-runtime"]
    assert {"FilterLogEvents"} <= set(found["logs"])
    assert {"PutObject"} <= set(found["s3"])


def test_every_table_declares_its_members() -> None:
    """An operation without such a table would accept what does not act."""
    undeclared = [
        f"{table.service}:{name}"
        for table in tables.TABLES
        for name, operation in table.operations.items()
        if operation.members is None
    ]
    assert undeclared == []


READ, WRITE, DELETE = Effect.READS, Effect.WRITES, Effect.DELETES
EFFECTS = {
    "Add": WRITE,
    "Assume": READ,
    "Attach": WRITE,
    "Confirm": WRITE,
    "Create": WRITE,
    "Delete": DELETE,
    "Deregister": DELETE,
    "Describe": READ,
    "Detach": DELETE,
    "Disable": WRITE,
    "Enable": WRITE,
    "Filter": READ,
    "Get": READ,
    "List": READ,
    "Lookup": READ,
    "Publish": WRITE,
    "Put": WRITE,
    "Register": WRITE,
    "Remove": DELETE,
    "Set": WRITE,
    "Simulate": READ,
    "Subscribe": WRITE,
    "Tag": WRITE,
    "Unsubscribe": DELETE,
    "Untag": DELETE,
    "Update": WRITE,
}
"""By the verb of AWS's name. A verb that is not here is to be decided about."""


def test_every_operation_declares_what_its_verb_does() -> None:
    """Untagging and detaching free room as deleting does, and may use what is kept back for it."""
    declared = {
        name: operation.effect
        for table in tables.TABLES
        for name, operation in table.operations.items()
    }
    verbs = {name: re.findall("[A-Z][a-z]+", name)[0] for name in declared}
    assert declared == {name: EFFECTS[verb] for name, verb in verbs.items()}
