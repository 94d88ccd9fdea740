"""Decisions: by example, by property, and against a plain engine."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hostler.domain.snapshot import Policy, Principal
from hostler.iam.evaluate import Decision, PolicyEngine, refusal

CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
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
    assert engine.decide(bob(one), INVOKE, ENDPOINT) == Decision(True, False, "Caller", "Calls")
    assert engine.decide(bob(one, two), INVOKE, ENDPOINT) == Decision(
        False, True, "arn:aws:iam::123456789012:policy/No", "Statement[0]"
    )


def test_root_may_do_everything() -> None:
    root = Principal("arn:aws:iam::1:root", "1", "1", "root", (policy(deny()),), is_root=True)
    assert PolicyEngine().decide(root, INVOKE, ENDPOINT).allowed


UNEVALUATED = [
    {"Condition": {"StringEquals": {"aws:username": "bob"}}},
    {"Condition": {"FutureOperator": {"k": "v"}}},
]


@pytest.mark.parametrize("element", UNEVALUATED)
def test_a_condition_never_allows_and_always_denies(element: Statement) -> None:
    assert not decide(allow(**element)).allowed
    assert decide(allow(), deny(**element)).explicit_deny
    # It denies only what its action and resource name.
    assert decide(allow(), deny("s3:*", **element)).allowed


def test_an_empty_condition_is_none() -> None:
    assert decide(allow(Condition={})).allowed


def test_not_action_and_not_resource_never_allow_and_always_deny() -> None:
    not_action = {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}
    not_resource = {"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::b"}
    for statement in (not_action, not_resource):
        assert not decide(statement).allowed
        assert decide(allow(), {**statement, "Effect": "Deny"}).explicit_deny


def test_a_variable_never_allows_and_denies_whatever_it_could_be() -> None:
    pattern = "arn:aws:s3:::home/${aws:username}/*"
    own, other = "arn:aws:s3:::home/bob/k", "arn:aws:s3:::home2/k"
    assert not decide(allow(resource=pattern), resource=own).allowed
    assert decide(allow(), deny(resource=pattern), resource=own).explicit_deny
    assert decide(allow(), deny(resource=pattern), resource=other).allowed


def test_a_document_that_cannot_be_read_refuses_everything() -> None:
    engine = PolicyEngine()
    for text in ("", "{", '{"Version":"2012-10-17","Statement":[{"Effect":"Maybe"}]}'):
        decision = engine.decide(bob(policy(allow()), Policy("broken", text)), INVOKE, ENDPOINT)
        assert decision == Decision(False, True, "broken", "unreadable document")


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
    for name in ("DECISIONS_MAX", "PRINCIPALS_MAX"):
        monkeypatch.setattr(f"hostler.iam.evaluate.{name}", 2)
    engine = PolicyEngine()
    for turn in range(8):
        who = Principal(f"{ARN}{turn % 4}", "1", "x", "x", (policy(allow(f"s3:{turn}")),))
        for number in range(8):
            assert engine.decide(who, f"s3:{number}", "*").allowed is (number == turn)


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


# Properties.

ACTIONS = ["s3:GetObject", "s3:PutObject", "iam:GetUser", "sagemaker:InvokeEndpoint"]
ACTION_PATTERNS = ["*", "s3:*", "S3:getobject", "*:Get*", "iam:GetUse?", "s3:Get", ACTIONS[3]]
RESOURCES = ["*", "arn:aws:s3:::a/b", "arn:aws:s3:::ab", ENDPOINT]
RESOURCE_PATTERNS = [
    "*",
    "arn:aws:s3:::a*",
    "arn:aws:s3:::a?",
    "arn:aws:s3:::${aws:username}*",
    "arn:aws:sagemaker:*:*:endpoint/rc-*",
    "arn:aws:sagemaker:*:endpoint/rc-x",
    "arn:aws:s3",
]
CONDITIONS = [{}, {}, {}, {"Condition": {"Bool": {"aws:SecureTransport": "true"}}}]


@st.composite
def statements(draw: st.DrawFn, effects: Sequence[str] = ("Allow", "Deny")) -> Statement:
    def some(patterns: list[str]) -> list[str]:
        return draw(st.lists(st.sampled_from(patterns), min_size=1, max_size=3))

    return {
        "Effect": draw(st.sampled_from(effects)),
        draw(st.sampled_from(["Action", "Action", "Action", "NotAction"])): some(ACTION_PATTERNS),
        draw(st.sampled_from(["Resource", "Resource", "NotResource"])): some(RESOURCE_PATTERNS),
        **draw(st.sampled_from(CONDITIONS)),
    }


DOCUMENTS = st.lists(statements(), min_size=1, max_size=4)
POLICIES = st.lists(DOCUMENTS, max_size=3)


def decisions(documents: list[list[Statement]]) -> list[Decision]:
    who, engine = bob(*(policy(*each) for each in documents)), PolicyEngine()
    return [engine.decide(who, action, resource) for action in ACTIONS for resource in RESOURCES]


def verdicts(documents: list[list[Statement]]) -> list[tuple[bool, bool]]:
    return [(one.allowed, one.explicit_deny) for one in decisions(documents)]


@CALM
@given(POLICIES, statements(effects=["Deny"]))
def test_adding_a_deny_never_allows_more(given_: list[list[Statement]], more: Statement) -> None:
    before, after = decisions(given_), decisions([*given_, [more]])
    assert all(old.allowed or not new.allowed for old, new in zip(before, after, strict=True))


@CALM
@given(POLICIES, statements(effects=["Allow"]))
def test_adding_an_allow_never_allows_less(given_: list[list[Statement]], more: Statement) -> None:
    before, after = decisions(given_), decisions([*given_, [more]])
    assert all(new.allowed or not old.allowed for old, new in zip(before, after, strict=True))


@CALM
@given(POLICIES, st.randoms(use_true_random=False))
def test_order_does_not_matter(given_: list[list[Statement]], dice: Any) -> None:
    mixed = [dice.sample(each, len(each)) for each in dice.sample(given_, len(given_))]
    assert verdicts(mixed) == verdicts(given_)


def fits(pattern: str, text: str) -> bool:
    if not pattern or not text:
        return pattern.strip("*") == text == ""
    if pattern[0] == "*":
        return fits(pattern[1:], text) or fits(pattern, text[1:])
    return pattern[0] in ("?", text[0]) and fits(pattern[1:], text[1:])


def names(pattern: str, resource: str) -> bool:
    if pattern == "*":
        return True
    wanted, given_ = pattern.split(":", 5), resource.split(":", 5)
    wanted += ["*"] * (6 - len(wanted))
    return len(given_) == 6 and all(fits(*pair) for pair in zip(wanted, given_, strict=True))


def plainly(documents: list[list[Statement]], action: str, resource: str) -> tuple[bool, bool]:
    """The rules as they are written, for whoever doubts the engine."""
    allowed = denied = False
    for each in (statement for document in documents for statement in document):
        unsure = not {"NotAction", "NotResource", "Condition"}.isdisjoint(each)
        acts = any(fits(one.lower(), action.lower()) for one in each.get("Action", ["*"]))
        sure = any(names(one, resource) for one in each.get("Resource", ["*"]) if "$" not in one)
        maybe = any(
            names(one.replace("${aws:username}", "*"), resource)
            for one in each.get("Resource", ["*"])
        )
        allowed |= each["Effect"] == "Allow" and acts and sure and not unsure
        denied |= each["Effect"] == "Deny" and acts and maybe
    return allowed and not denied, denied


@CALM
@given(POLICIES)
def test_the_compiled_engine_equals_the_plain_one(given_: list[list[Statement]]) -> None:
    assert verdicts(given_) == [
        plainly(given_, action, resource) for action in ACTIONS for resource in RESOURCES
    ]
