"""Temporary credentials at the gateway: who acts, how long, and no session in another's place."""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from time import time
from typing import Any

import pytest

from gateway_pieces import Bench, Client, Worker, bench, signed
from gateway_rig import ACCOUNT, REGION, snapshot_of
from hostler.aws import tokens
from hostler.domain.grants import Grant
from hostler.domain.ids import sagemaker_arn
from hostler.domain.snapshot import EndpointRoute, Policy, Principal, VariantRoute

ARN = sagemaker_arn(REGION, ACCOUNT, "endpoint", "Demo")
ROUTE = EndpointRoute(ACCOUNT, REGION, "Demo", ARN, (VariantRoute("AllTraffic", 1.0, ()),))
KEY = b"k" * 32
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/R"


def document(effect: str = "Allow", action: str = "*", **more: Any) -> str:
    statement = {"Effect": effect, "Action": action, "Resource": "*", **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class Gate:
    """A gateway whose only other principal is a role, and calls of its sessions."""

    def __init__(self, made: Bench) -> None:
        self.bench = made
        self.nonces = count(1)
        self.knows(document())

    def knows(self, *documents: str, unique_id: str = "AROA1") -> None:
        policies = tuple(Policy(f"p{number}", text) for number, text in enumerate(documents))
        role = Principal(ROLE_ARN, ACCOUNT, unique_id, "R", policies, tags={})
        snapshot = snapshot_of((ROUTE,))
        self.bench.gateway.use(
            replace(snapshot, principals=(*snapshot.principals, role), session_key=KEY)
        )
        self.worker: Worker = self.bench.instance()
        self.answered = 0

    def session(self, key: str = "ASIA1", **said: Any) -> Grant:
        given = {"issued": time(), "expires": time() + 900, "session_name": "s", **said}
        return Grant(key, f"secret of {key}", "AROA1", **given)

    def calls(self, client: Client, grant: Grant, token: str | None = None) -> tuple[int, str]:
        """The status, and the code of an error."""
        sealed = tokens.seal(KEY, grant, next(self.nonces).to_bytes(12))
        by = (grant.access_key_id, grant.secret)
        client.sends(signed(by=by, x_amz_security_token=sealed if token is None else token))
        if client.connection.current is not None:
            self.answered += 1
            self.worker.answers(self.answered)
        ((status, body),) = client.reads()
        return status, body.decode()


@pytest.fixture
def gate() -> Iterator[Gate]:
    with bench() as made:
        yield Gate(made)


def test_a_session_invokes_as_its_role(gate: Gate) -> None:
    client = gate.bench.client()
    for _ in range(3):
        assert gate.calls(client, gate.session())[0] == 200
    gate.knows(document(action="s3:*"))
    status, body = gate.calls(client, gate.session())
    assert status == 400
    said = f"User: arn:aws:sts::{ACCOUNT}:assumed-role/R/s is not authorized to perform"
    assert said in body


def test_what_is_taken_from_the_role_is_taken_from_its_sessions(gate: Gate) -> None:
    client, grant = gate.bench.client(), gate.session(issued=1_767_225_599.0)
    assert gate.calls(client, grant)[0] == 200
    revoked = {"DateLessThan": {"aws:TokenIssueTime": "2026-01-01T00:00:00Z"}}
    gate.knows(document(), document("Deny", Condition=revoked))
    assert gate.calls(client, grant)[0] == 400
    assert gate.calls(client, gate.session("ASIA2"))[0] == 200
    gate.knows(document(), unique_id="AROA2")
    status, body = gate.calls(client, grant)
    assert (status, "security token included in the request is invalid" in body) == (403, True)


def test_sessions_of_one_name_share_no_decision(gate: Gate) -> None:
    """They differ in their policies and tags, and both would be remembered."""
    client = gate.bench.client()
    needed = {"StringEquals": {"aws:PrincipalTag/team": "red"}}
    gate.knows(document(Condition=needed))
    free = gate.session("ASIA1", tags={"team": "red"})
    closed = (Policy("SessionPolicy", document(action="s3:*")),)
    limited = gate.session("ASIA2", tags={"team": "red"}, policies=closed)
    other = gate.session("ASIA3", tags={"team": "blue"})
    for _ in range(2):
        assert [gate.calls(client, each)[0] for each in (free, limited, other)] == [200, 400, 400]
    assert {name for name, _, _ in gate.bench.gateway.allowed} == {"ASIA1"}


def test_a_session_ends(gate: Gate) -> None:
    status, body = gate.calls(gate.bench.client(), gate.session(expires=time() - 1))
    assert (status, "security token included in the request is expired" in body) == (403, True)


@pytest.mark.parametrize("token", ["", "no token", "AAAA"])
def test_a_key_without_its_token_is_not_known(gate: Gate, token: str) -> None:
    status, body = gate.calls(gate.bench.client(), gate.session(), token)
    assert (status, "security token included in the request is invalid" in body) == (403, True)


def test_a_token_of_another_key_is_refused(gate: Gate) -> None:
    other = tokens.seal(KEY, gate.session("ASIA2"), b"n" * 12)
    assert gate.calls(gate.bench.client(), gate.session("ASIA1"), other)[0] == 403
