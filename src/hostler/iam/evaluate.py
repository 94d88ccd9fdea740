"""The decision: an explicit deny wins, then an allow, and silence refuses.

Invariant: pure and self-contained; a decision depends on the principal's policies, the action, the
resource and the context alone. Caches only remember: a principal whose policies differ from those
remembered is compiled anew, so an engine may live as long as its process.

Rules: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from hostler.domain.errors import CallerError, access_denied
from hostler.domain.snapshot import Policy, Principal
from hostler.iam import conditions, match
from hostler.iam.conditions import Context
from hostler.iam.document import parse
from hostler.iam.grammar import VERSION, Condition, Effect, Kind
from hostler.iam.match import Answer

DECISIONS_MAX = 8_192
"""Decisions remembered of a principal; when full, all are forgotten, and made again as asked."""
PRINCIPALS_MAX = 4_096
DOCUMENTS_MAX = 4_096

NO_CONTEXT: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, and by which statement of which policy (None: by no statement at all)."""

    allowed: bool
    explicit_deny: bool = False
    policy: str | None = None
    statement: str | None = None
    """Its Sid, or its place in the document: ``Statement[0]``."""


_ROOT = Decision(allowed=True)
_SILENCE = Decision(allowed=False)


@dataclass(frozen=True, slots=True)
class _Statement:
    label: str
    effect: Effect
    actions: match.Actions
    resources: match.Resources
    conditions: tuple[Condition, ...]

    def answer(self, action: str, resource: tuple[str, ...], context: Context) -> Answer:
        found = self.actions.answer(action)
        if found is Answer.NO:
            return found
        found = min(found, self.resources.answer(resource))
        if found is Answer.NO:
            return found
        return min(found, conditions.answer(self.conditions, context))


@dataclass(frozen=True, slots=True)
class _Rule:
    """A compiled statement with the decision it makes when it applies."""

    statement: _Statement
    decision: Decision


@dataclass(slots=True)
class _Compiled:
    """A principal's policies, ready to use, and the decisions made from them."""

    policies: tuple[Policy, ...]
    denies: tuple[_Rule, ...]
    allows: tuple[_Rule, ...]
    reads_context: bool
    decisions: dict[tuple[str, str], Decision] = field(default_factory=dict)


class PolicyEngine:
    """Decides what principals may do, by their identity policies.

    Safe to share between threads: what is shared is replaced whole.
    """

    def __init__(self) -> None:
        self._principals: dict[str, _Compiled] = {}

    def decide(
        self, principal: Principal, action: str, resource: str, context: Context = NO_CONTEXT
    ) -> Decision:
        """May ``principal`` do ``action`` to ``resource``?

        Args:
            principal: Who asks, with the policies in force.
            action: E.g. ``sagemaker:InvokeEndpoint``; its case does not matter.
            resource: An ARN, or ``*`` for an action that names none.
            context: Condition keys of the request.
        """
        if principal.is_root:
            return _ROOT
        compiled = self._principals.get(principal.arn)
        if compiled is None or (
            compiled.policies is not principal.policies and compiled.policies != principal.policies
        ):
            compiled = self._compile(principal)
        if context and compiled.reads_context:
            return _evaluate(compiled, action, resource, context)
        key = (action, resource)
        decision = compiled.decisions.get(key)
        if decision is None:
            decision = _evaluate(compiled, action, resource, context)
            if len(compiled.decisions) >= DECISIONS_MAX:
                compiled.decisions.clear()
            compiled.decisions[key] = decision
        return decision

    def _compile(self, principal: Principal) -> _Compiled:
        rules = [
            _Rule(statement, _made_by(statement, policy))
            for policy in principal.policies
            for statement in _statements(policy.document)
        ]
        compiled = _Compiled(
            policies=principal.policies,
            denies=tuple(rule for rule in rules if rule.statement.effect is Effect.DENY),
            allows=tuple(rule for rule in rules if rule.statement.effect is Effect.ALLOW),
            reads_context=any(rule.statement.conditions for rule in rules),
        )
        if len(self._principals) >= PRINCIPALS_MAX:
            self._principals.clear()
        self._principals[principal.arn] = compiled
        return compiled


def refusal(principal_arn: str, action: str, resource: str, decision: Decision) -> CallerError:
    """The caller's error for a decision that is not allowed."""
    return access_denied(refusal_text(principal_arn, action, resource, decision))


def refusal_text(principal_arn: str, action: str, resource: str, decision: Decision) -> str:
    """AWS's sentence for a decision that is not allowed; services spell ``resource`` their way.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    """
    reason = (
        "with an explicit deny in an identity-based policy"
        if decision.explicit_deny
        else f"because no identity-based policy allows the {action} action"
    )
    return (
        f"User: {principal_arn} is not authorized to perform: {action} "
        f"on resource: {resource} {reason}"
    )


def _made_by(statement: _Statement, policy: Policy) -> Decision:
    allowed = statement.effect is Effect.ALLOW
    return Decision(allowed, not allowed, policy.name, statement.label)


@lru_cache(maxsize=DOCUMENTS_MAX)
def _statements(text: str) -> tuple[_Statement, ...]:
    """A document compiled: its text says everything, so all engines of a process share it."""
    return tuple(_compile(text))


def _compile(text: str) -> Iterator[_Statement]:
    try:
        document = parse(text, Kind.IDENTITY)
    except CallerError:
        # Only checked documents are stored; one that cannot be read may hold a Deny, so it is one.
        yield _Statement(
            label="unreadable document",
            effect=Effect.DENY,
            actions=match.actions(["*"], negated=()),
            resources=match.resources(["*"], negated=(), variables=False),
            conditions=(),
        )
        return
    for statement in document.statements:
        yield _Statement(
            label=statement.label,
            effect=statement.effect,
            actions=match.actions(statement.actions, negated=statement.not_actions),
            resources=match.resources(
                statement.resources,
                negated=statement.not_resources,
                variables=document.version == VERSION,
            ),
            conditions=statement.conditions,
        )


def _evaluate(compiled: _Compiled, action: str, resource: str, context: Context) -> Decision:
    folded, parts = action.lower(), match.split(resource)
    for rule in compiled.denies:
        if rule.statement.answer(folded, parts, context) is not Answer.NO:
            return rule.decision
    for rule in compiled.allows:
        if rule.statement.answer(folded, parts, context) is Answer.YES:
            return rule.decision
    return _SILENCE
