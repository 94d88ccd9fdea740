"""Decisions: by example, by property, and against a plain engine."""

import json
from typing import Any

import pytest

from hostler.domain.snapshot import Policy, Principal
from hostler.iam.conditions import operator
from hostler.iam.evaluate import Decision, PolicyEngine, refusal
from hostler.iam.globs import glob
from hostler.iam.room import CHARACTERS_MAX
from hostler.iam.statements import compiled

ARN = "arn:aws:iam::123456789012:user/bob"
ENDPOINT = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/rc-x"
INVOKE = "sagemaker:InvokeEndpoint"

Statement = dict[str, Any]


def policy(*statements: Statement, name: str = "p", version: str = "2012-10-17") -> Policy:
    return Policy(name, json.dumps({"Version": version, "Statement": list(statements)}))


def bob(*policies: Policy) -> Principal:
    return Principal(ARN, "123456789012", "AIDA1", "bob", policies)


def allow(action: Any = "*", resource: Any = "*", **more: Any) -> Statement:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any = "*", resource: Any = "*", **more: Any) -> Statement:
    return {**allow(action, resource, **more), "Effect": "Deny"}


def decide(*statements: Statement, action: str = INVOKE, resource: str = ENDPOINT) -> Decision:
    return PolicyEngine().decide(bob(policy(*statements)), action, resource)


def test_silence_refuses() -> None:
    assert PolicyEngine().decide(bob(), INVOKE, ENDPOINT) == Decision(allowed=False)
    assert decide(allow("s3:*")) == Decision(allowed=False)


def test_a_decision_names_policy_and_statement() -> None:
    one = policy(allow("s3:*"), allow(INVOKE.lower(), Sid="Calls"), name="Caller")
    two = policy(deny(resource=f"{ENDPOINT}*"), name="arn:aws:iam::123456789012:policy/No")
    engine = PolicyEngine()
    assert engine.decide(bob(one), INVOKE, ENDPOINT) == Decision(True, False, "Caller", "Calls", 1)
    assert engine.decide(bob(one, two), INVOKE, ENDPOINT) == Decision(
        False, True, "arn:aws:iam::123456789012:policy/No", "Statement[0]", 0
    )


def test_root_may_do_everything() -> None:
    root = Principal("arn:aws:iam::1:root", "1", "1", "root", (policy(deny()),), is_root=True)
    assert PolicyEngine().decide(root, INVOKE, ENDPOINT).allowed


UNKNOWN = {"Condition": {"StringNotEquals": {"s3:authType": "REST-HEADER"}}}


def test_a_condition_on_what_nobody_knows_never_allows_and_always_denies() -> None:
    assert not decide(allow(**UNKNOWN)).allowed
    assert decide(allow(), deny(**UNKNOWN)).explicit_deny
    # It denies only what its action and resource name.
    assert decide(allow(), deny("s3:*", **UNKNOWN)).allowed


def test_an_operator_that_does_not_exist_is_no_document() -> None:
    future = {"Condition": {"FutureOperator": {"k": "v"}}}
    assert decide(allow(), allow("s3:*", **future)).statement == "unreadable document"


def test_an_empty_condition_is_none() -> None:
    assert decide(allow(Condition={})).allowed


def test_not_action_and_not_resource_allow_and_deny_the_others() -> None:
    not_action = {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}
    not_resource = {"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::b"}
    for statement in (not_action, not_resource):
        assert decide(statement).allowed
        assert decide(allow(), {**statement, "Effect": "Deny"}).explicit_deny
    assert not decide(not_action, action="iam:GetUser").allowed
    assert not decide(not_resource, resource="arn:aws:s3:::b").allowed


def test_a_variable_is_what_the_request_says() -> None:
    pattern = "arn:aws:s3:::home/${aws:username}/*"
    own, other = "arn:aws:s3:::home/bob/k", "arn:aws:s3:::home/eve/k"
    assert decide(allow(resource=pattern), resource=own).allowed
    assert not decide(allow(resource=pattern), resource=other).allowed
    assert decide(allow(), deny(resource=pattern), resource=own).explicit_deny
    assert decide(allow(), deny(resource=pattern), resource=other).allowed


def test_a_document_that_cannot_be_read_refuses_everything() -> None:
    engine = PolicyEngine()
    for text in ("", "{", '{"Version":"2012-10-17","Statement":[{"Effect":"Maybe"}]}'):
        decision = engine.decide(bob(policy(allow()), Policy("broken", text)), INVOKE, ENDPOINT)
        assert decision == Decision(False, True, "broken", "unreadable document", 0)


def test_a_changed_policy_is_in_force_at_once() -> None:
    engine = PolicyEngine()
    assert engine.decide(bob(policy(allow())), INVOKE, ENDPOINT).allowed
    assert not engine.decide(bob(policy(allow()), policy(deny())), INVOKE, ENDPOINT).allowed
    assert not engine.decide(bob(), INVOKE, ENDPOINT).allowed
    assert engine.decide(bob(policy(allow())), INVOKE, ENDPOINT).allowed


def test_a_new_life_of_a_name_shares_no_decision() -> None:
    engine = PolicyEngine()
    root = Principal(ARN, "123456789012", "1", "bob", is_root=True)
    assert engine.decide(root, INVOKE, ENDPOINT).allowed
    assert not engine.decide(bob(), INVOKE, ENDPOINT).allowed


def test_full_caches_forget_and_decide_again(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DECISIONS_MAX", "PRINCIPALS_MAX", "ACTIONS_MAX"):
        monkeypatch.setattr(f"hostler.iam.evaluate.{name}", 2)
    engine = PolicyEngine()
    for turn in range(8):
        who = Principal(f"{ARN}{turn % 4}", "1", "x", "x", (policy(allow(f"s3:{turn}")),))
        for number in range(8):
            assert engine.decide(who, f"s3:{number}", "*").allowed is (number == turn)


def test_decisions_are_remembered_up_to_so_many_of_all_principals(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    people = [Principal(f"{ARN}{number}", "1", "x", "x") for number in range(8)]

    def remembered(most: int) -> int:
        """How many of forty decisions are not made again when they are asked for again."""
        monkeypatch.setattr("hostler.iam.evaluate.DECISIONS_MAX", most)
        engine = PolicyEngine()
        first, second = (
            [engine.decide(who, INVOKE, resource) for who in people for resource in "abcde"]
            for _ in range(2)
        )
        return sum(one is other for one, other in zip(first, second, strict=True))

    assert remembered(40) == 40
    assert remembered(10) <= 10


def test_what_is_remembered_of_documents_is_bounded_by_their_length() -> None:
    for cache in (compiled, glob, operator):
        cache.cache_clear()  # of what other tests have asked
    engine, long = PolicyEngine(), "k" * 100_000
    for number in range(60):
        pattern = f"arn:aws:s3:::{number}{long}"
        statement = allow("s3:*", pattern, Condition={"StringLike": {"aws:userid": pattern}})
        assert not engine.decide(bob(policy(statement)), "s3:GetObject", ENDPOINT).allowed
        assert not engine.decide(bob(policy(statement)), "s3:GetObject", pattern).allowed
        assert operator(pattern) is None
    for cache in (compiled, glob, operator):
        assert cache.cache_info().currsize * len(long) <= CHARACTERS_MAX


def test_refusals_are_in_awss_words() -> None:
    silent = refusal(ARN, INVOKE, ENDPOINT, Decision(allowed=False))
    assert silent.code == "AccessDeniedException"
    assert silent.message == (
        f"User: {ARN} is not authorized to perform: {INVOKE} on resource: {ENDPOINT} "
        f"because no identity-based policy allows the {INVOKE} action"
    )
    said = refusal(ARN, INVOKE, ENDPOINT, Decision(allowed=False, explicit_deny=True))
    assert said.message == (
        f"User: {ARN} is not authorized to perform: {INVOKE} on resource: {ENDPOINT} "
        "with an explicit deny in an identity-based policy"
    )


# The user's own policies, placeholders filled in, as they stand in the document.

DEPLOYER = policy(
    {
        "Sid": "EndpointManagement",
        "Effect": "Allow",
        "Action": [
            "sagemaker:CreateModel",
            "sagemaker:DescribeModel",
            "sagemaker:CreateEndpoint",
            "sagemaker:InvokeEndpoint",
        ],
        "Resource": [
            "arn:aws:sagemaker:ap-southeast-1:123456789012:model/rc-project-a-*",
            "arn:aws:sagemaker:ap-southeast-1:123456789012:endpoint/rc-project-a-*",
        ],
    }
)


@pytest.mark.parametrize(
    ("action", "resource", "allowed"),
    [
        ("sagemaker:CreateModel", "ap-southeast-1:123456789012:model/rc-project-a-v1", True),
        ("sagemaker:CreateModel", "ap-southeast-1:123456789012:model/other-v1", False),
        ("sagemaker:CreateModel", "us-east-1:123456789012:model/rc-project-a-v1", False),
        ("sagemaker:CreateModel", "ap-southeast-1:210987654321:model/rc-project-a-v1", False),
        ("sagemaker:DeleteModel", "ap-southeast-1:123456789012:model/rc-project-a-v1", False),
        ("sagemaker:InvokeEndpoint", "ap-southeast-1:123456789012:endpoint/rc-project-a-ep", True),
    ],
)
def test_the_deployer_of_the_brief(action: str, resource: str, allowed: bool) -> None:
    decision = PolicyEngine().decide(bob(DEPLOYER), action, f"arn:aws:sagemaker:{resource}")
    assert decision.allowed is allowed
    assert decision.statement == ("EndpointManagement" if allowed else None)
