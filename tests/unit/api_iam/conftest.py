"""IAM over a store in memory: each call takes the steps that the server takes around a handler."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from hostler.api import authenticate, iam, members, sts
from hostler.api.authorize import authorize, context_of
from hostler.api.registry import Call, Effect
from hostler.aws import sigv4
from hostler.domain.errors import CallerError
from hostler.domain.ids import AccountId, Region
from hostler.domain.snapshot import Principal
from hostler.iam.evaluate import PolicyEngine
from hostler.store import identities
from hostler.store.database import Store, Transaction
from memory_stores import memory_store

ACCOUNT = "123456789012"
NOW = 1_700_000_000.75


@dataclass(frozen=True)
class Caller:
    """Calls operations as one principal."""

    store: Store
    principal: Principal
    account: str = ACCOUNT

    def __call__(self, operation_name: str, **params: Any) -> Any:
        table = sts.TABLE if operation_name in sts.TABLE.operations else iam.TABLE
        operation = table.operations[operation_name]
        call = Call(
            service=table.service,
            operation=operation_name,
            account=AccountId(self.account),
            region=Region("us-east-1"),
            principal=self.principal,
            params=params,
            now=NOW,
            request_id="r",
        )
        assert operation.members is not None
        members.refuse(operation.members, params, code="ValidationError")
        authorize(PolicyEngine(), self.principal, operation.access(call), context_of(call))

        def transaction(tx: Transaction) -> Any:
            if operation.located is not None:
                needed = operation.located(tx, call)
                authorize(PolicyEngine(), self.principal, needed, context_of(call))
            return operation.handler(tx, call)

        return self.store.run(transaction, write=operation.effect is not Effect.READS)

    def refused(self, code: str, operation_name: str, **params: Any) -> CallerError:
        """The error of a call that must fail."""
        with pytest.raises(CallerError) as caught:
            self(operation_name, **params)
        assert caught.value.code == code, caught.value
        return caught.value

    def session(self, credentials: Mapping[str, Any], at: float = NOW) -> "Caller":
        """Call with temporary credentials, by a request that they signed."""
        body = hashlib.sha256(b"").hexdigest()
        headers = sigv4.sign(
            "POST",
            "/",
            [("host", "sts"), ("x-amz-security-token", credentials["SessionToken"])],
            body,
            access_key_id=credentials["AccessKeyId"],
            secret=credentials["SecretAccessKey"],
            region="us-east-1",
            service="sts",
            now=at,
        )
        presented = sigv4.present("POST", "/", headers)
        known = self.store.run(lambda tx: authenticate.find(tx, presented))
        who = authenticate.verify(presented, known, body, at)
        return replace(self, principal=who, account=who.account)

    def named(self, name: str) -> "Caller":
        """Call as a user: with the policies in force now."""
        key = self("CreateAccessKey", UserName=name)["AccessKey"]
        found = self.store.run(lambda tx: identities.credential(tx, key["AccessKeyId"]))
        assert found is not None
        self("DeleteAccessKey", UserName=name, AccessKeyId=key["AccessKeyId"])
        return replace(self, principal=found[1])


@pytest.fixture
def store() -> Iterator[Store]:
    with memory_store() as memory:
        yield memory


def root_of(store: Store, account: str) -> Caller:
    def transaction(tx: Transaction) -> Principal:
        credential = identities.ensure_root(tx, account, NOW)
        found = identities.credential(tx, credential.access_key_id)
        assert found is not None
        return found[1]

    return Caller(store, store.run(transaction, write=True), account)


@pytest.fixture
def root(store: Store) -> Caller:
    return root_of(store, ACCOUNT)


@pytest.fixture
def stranger(store: Store) -> Caller:
    """Another account's root."""
    return root_of(store, "210987654321")


def policy(action: Any, resource: Any = "*", effect: str = "Allow", **more: Any) -> str:
    """A policy document of one statement."""
    statement = {"Effect": effect, "Action": action, "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "sagemaker.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)


@pytest.fixture
def document() -> Any:
    return policy


@pytest.fixture
def trust() -> str:
    return TRUST
