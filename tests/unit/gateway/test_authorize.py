"""Conditions at the gateway: what it tells the engine, and which decisions it keeps."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from authorization_reference import EVERYWHERE, reference
from gateway_pieces import Bench, Client, Worker, bench, signed
from gateway_rig import ACCOUNT, REGION, ROOT_KEY, ROOT_SECRET, snapshot_of
from hostler.domain.ids import sagemaker_arn
from hostler.domain.snapshot import Credential, EndpointRoute, Policy, Principal, VariantRoute
from known_keys import knowing

ARN = sagemaker_arn(REGION, ACCOUNT, "endpoint", "Demo")
VARIANT = VariantRoute("AllTraffic", 1.0, ())
BOB = f"arn:aws:iam::{ACCOUNT}:user/bob"


class Gate:
    """A gateway whose only caller has one statement."""

    def __init__(self, made: Bench) -> None:
        self.bench = made
        self.answered = 0

    def allows(
        self, condition: dict[str, Any], tags: dict[str, str] | None = None, effect: str = "Allow"
    ) -> None:
        statements = [{"Effect": effect, "Action": "*", "Resource": "*", "Condition": condition}]
        if effect == "Deny":
            statements.append({"Effect": "Allow", "Action": "*", "Resource": "*"})
        text = json.dumps({"Version": "2012-10-17", "Statement": statements})
        bob = Principal(BOB, ACCOUNT, "AIDA1", "bob", (Policy("p", text),), tags={"team": "red"})
        demo = EndpointRoute(ACCOUNT, REGION, "Demo", ARN, (VARIANT,), tags or {})
        snapshot = replace(
            snapshot_of((demo,)),
            principals=(bob,),
            credentials=(Credential(ROOT_KEY, ROOT_SECRET, BOB),),
        )
        self.bench.gateway.use(snapshot)
        self.worker: Worker = self.bench.instance()

    def calls(self, client: Client) -> int:
        """The status of an invocation."""
        client.sends(signed(b"{}"))
        if client.connection.current is not None:
            self.answered += 1
            self.worker.answers(self.answered)
        ((status, body),) = client.reads()
        assert status == 200 or b"not authorized to perform: sagemaker:InvokeEndpoint" in body
        return status

    def keeps(self, client: Client) -> bool:
        """Whether a decision for the client was kept, in either place."""
        for _ in range(3):
            self.calls(client)
        mould = client.connection.mould
        kept = mould is not None and mould.way is not None
        assert kept is bool(self.bench.gateway.allowed)
        return kept


@pytest.fixture
def gate() -> Iterator[Gate]:
    with bench() as made:
        yield Gate(made)


def test_region_caller_and_endpoint_decide_until_the_next_snapshot(gate: Gate) -> None:
    gate.allows(
        {
            "StringEquals": {
                "aws:RequestedRegion": REGION,
                "aws:username": "bob",
                "sagemaker:ResourceTag/Team": "${aws:PrincipalTag/team}",
            }
        },
        tags={"team": "red"},
    )
    client = gate.bench.client()
    assert gate.calls(client) == 200
    assert gate.keeps(client)


def test_the_tags_of_another_endpoint_do_not(gate: Gate) -> None:
    gate.allows({"StringEquals": {"aws:ResourceTag/team": "red"}}, tags={"team": "blue"})
    assert gate.calls(gate.bench.client()) == 400


def test_a_decision_of_the_moment_is_made_each_time(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate.allows({"DateLessThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}})
    clock = iter([1_767_225_599.0] * 4 + [1_767_225_600.0])
    monkeypatch.setattr("hostler.gateway.authorize.time", lambda: next(clock))
    client = gate.bench.client()
    assert not gate.keeps(client)
    assert [gate.calls(client), gate.calls(client)] == [200, 400]


def test_the_senders_address_is_looked_at_each_time(gate: Gate) -> None:
    gate.allows({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})
    inside = gate.bench.client(peername=("10.1.2.3", 4711))
    outside = gate.bench.client(peername=("192.0.2.1", 4711))
    unknown = gate.bench.client(peername="")
    assert [gate.calls(one) for one in (inside, outside, unknown)] == [200, 400, 400]
    assert not gate.keeps(inside)
    assert gate.calls(outside) == 400


def test_who_must_come_over_tls(gate: Gate) -> None:
    gate.allows({"Bool": {"aws:SecureTransport": "false"}}, effect="Deny")
    assert gate.calls(gate.bench.client()) == 400
    assert gate.calls(gate.bench.client(sslcontext=object())) == 200


@pytest.mark.parametrize(
    "key", sorted({*reference("sagemaker")["InvokeEndpoint"].keys, *EVERYWHERE})
)
def test_every_key_of_an_invocation_is_known(gate: Gate, key: str) -> None:
    gate.allows(knowing([key]))
    assert gate.calls(gate.bench.client(peername=("10.1.2.3", 4711))) == 200


@pytest.mark.parametrize("tags", [{}, {"team": "blue"}])
def test_a_refusal_does_not_tell_whether_the_endpoint_exists(
    gate: Gate, tags: dict[str, str]
) -> None:
    gate.allows({"StringNotEquals": {"aws:ResourceTag/team": "red"}}, tags=tags)
    assert gate.calls(gate.bench.client()) == 200
    gate.bench.gateway.use(
        replace(
            snapshot_of(()),
            principals=tuple(who for _, who in gate.bench.gateway.credentials.values()),
            credentials=(Credential(ROOT_KEY, ROOT_SECRET, BOB),),
        )
    )
    assert gate.calls(gate.bench.client()) == 400


def test_another_accounts_endpoint_is_as_none_at_all(gate: Gate) -> None:
    gate.allows({})
    stranger = Principal(
        "arn:aws:iam::999999999999:root", "999999999999", "9", "root", is_root=True
    )
    known = Credential(ROOT_KEY, ROOT_SECRET, stranger.arn)
    there = EndpointRoute(ACCOUNT, REGION, "Demo", ARN, (VARIANT,))
    answers = []
    for endpoints in ((there,), ()):
        gate.bench.gateway.use(
            replace(
                snapshot_of(endpoints),
                generation=2 + len(answers),
                principals=(stranger,),
                credentials=(known,),
            )
        )
        client = gate.bench.client()
        client.sends(signed(b"{}"))
        answers.append(client.reads())
    assert answers[0] == answers[1]
    ((status, body),) = answers[0]
    assert status == 400
    assert b"Endpoint Demo of account 999999999999 not found" in body
