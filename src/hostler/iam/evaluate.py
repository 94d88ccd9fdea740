"""The decision: an explicit deny wins, then an allow, and silence refuses.

Invariant: pure and self-contained; a decision depends on what is handed in alone. Caches only
remember: a principal whose policies differ from those remembered is compiled anew, so an engine may
live as long as its process.

Rules: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from hostler.domain.errors import CallerError
from hostler.domain.snapshot import Policy, Principal
from hostler.iam import match
from hostler.iam.answer import Answer
from hostler.iam.context import NO_CONTEXT, Context, Facts, Values, of_principal
from hostler.iam.grammar import Effect, Kind, Source
from hostler.iam.principals import Caller, Named, caller
from hostler.iam.statements import Compiled, compiled

DECISIONS_MAX = 32_768
"""Decisions that an engine remembers, of all its principals together."""
PRINCIPALS_MAX = 4_096
"""When it knows so many of either, all are forgotten, and made again as asked."""
ACTIONS_MAX = 8_192
"""The same of the actions that one kind of a principal's policies was asked for."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, and by which statement of which policy (None: by no statement at all)."""

    allowed: bool
    explicit_deny: bool = False
    policy: str | None = None
    """Its name or ARN."""
    statement: str | None = None
    """Its Sid, or its place in the document: ``Statement[0]``."""
    index: int | None = None
    """The statement's place in the document."""
    source: Source = Source.IDENTITY
    """The kind of that policy; without one, the kind that would have had to allow."""
    cacheable: bool = True
    """It holds for every request of this principal for this action, resource and region until the
    policies or the tags change: nothing of the moment or of the request itself was looked at."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A decision with what it was about."""

    action: str
    resource: str
    decision: Decision


@dataclass(frozen=True, slots=True)
class ResourcePolicy:
    """Whose a resource is, and what its own policy says (None: it has none).

    A role is a resource too: its trust document must always allow.
    """

    owner: str
    document: str | None = None
    name: str = ""
    kind: Kind = Kind.BUCKET
    further: tuple[tuple[str, str], ...] = ()
    """Names and documents, where there may be several policies."""

    @property
    def documents(self) -> Iterator[tuple[str, str]]:
        """All of its policies, by name."""
        if self.document is not None:
            yield self.name, self.document
        yield from self.further

    @property
    def source(self) -> Source:
        """In the words of refusals."""
        return Source.TRUST if self.kind is Kind.TRUST else Source.RESOURCE


@dataclass(frozen=True, slots=True)
class _Rule:
    """A compiled statement with the decision it makes when it applies."""

    statement: Compiled
    decision: Decision


_Named = tuple[tuple[_Rule, ...], tuple[_Rule, ...]]
"""The denies and the allows that name an action."""


@dataclass(slots=True)
class _Layer:
    """The policies of one kind that apply to a principal."""

    source: Source
    policies: tuple[tuple[str, tuple[Compiled, ...]], ...]
    """Name and statements of each."""
    by_action: dict[str, _Named] = field(default_factory=dict)

    def naming(self, action: str) -> _Named:
        """The rules that name an action (in lower case)."""
        found = self.by_action.get(action)
        if found is None:
            found = _naming(self.policies, action, self.source)
            if len(self.by_action) >= ACTIONS_MAX:
                self.by_action.clear()
            self.by_action[action] = found
        return found


@dataclass(slots=True)
class _Known:
    """A principal, ready to be decided about, and the decisions made from its policies alone."""

    principal: Principal
    own: Mapping[str, Values]
    who: Caller
    layers: tuple[_Layer, ...]
    """Identity policies first; all of them must allow."""
    decisions: dict[tuple[str, str], Decision] = field(default_factory=dict)

    def is_of(self, principal: Principal) -> bool:
        """Were these its policies?"""
        return self.principal is principal or self.principal == principal


class PolicyEngine:
    """Decides what principals may do.

    Safe to share between threads: what is shared is replaced whole.
    """

    def __init__(self) -> None:
        self._principals: dict[str, _Known] = {}
        self._decisions = 0
        """Remembered since all were forgotten."""

    def decide(
        self,
        principal: Principal,
        action: str,
        resource: str,
        context: Context = NO_CONTEXT,
        *,
        on: ResourcePolicy | None = None,
    ) -> Decision:
        """May ``principal`` do ``action`` to ``resource``?

        Args:
            principal: Who asks, with the policies in force: identity, boundary, session.
            action: E.g. ``sagemaker:InvokeEndpoint``; its case does not matter.
            resource: An ARN, or ``*`` for an action that names none.
            context: Condition keys of the request; those of the principal are known already.
            on: The resource's owner and policy; without, it is of the principal's account.
        """
        if principal.is_root and on is None:
            return Decision(allowed=True)
        known = self._known(principal)
        key = (action, resource)
        if on is None:
            remembered = known.decisions.get(key)
            if remembered is not None:
                return remembered
        facts = Facts(known.own, context)
        decision = _decide(known, action.lower(), match.split(resource), facts, on)
        if facts.varies:
            return replace(decision, cacheable=False)
        if on is None and not facts.asked:
            if self._decisions >= DECISIONS_MAX:
                self._forget()
            known.decisions[key] = decision
            self._decisions += 1
        return decision

    def missing_keys(self, principal: Principal, context: Context) -> Sequence[str]:
        """The condition keys that the principal's policies read and nobody gives a value."""
        known = self._known(principal)
        facts = Facts(known.own, {key: value for key, value in context.items() if key != "*"})
        missing: dict[str, str] = {}
        for layer in known.layers:
            statements = chain.from_iterable(each for _, each in layer.policies)
            for key in chain.from_iterable(statement.keys for statement in statements):
                if facts.of(key.lower()) is None:
                    missing.setdefault(key.lower(), key)
        return sorted(missing.values())

    def _known(self, principal: Principal) -> _Known:
        name = principal.known_as
        known = self._principals.get(name)
        if known is None or not known.is_of(principal):
            known = _compile(principal)
            if len(self._principals) >= PRINCIPALS_MAX:
                self._forget()
            self._principals[name] = known
        return known

    def _forget(self) -> None:
        self._principals = {}
        self._decisions = 0


class DeniedError(CallerError):
    """A refusal by policies, with the decision it tells of."""

    def __init__(self, code: str, message: str, judged: Judged) -> None:
        super().__init__(code, message)
        self.judged = judged


def refusal(principal_arn: str, action: str, resource: str, decision: Decision) -> CallerError:
    """The caller's error for a decision that is not allowed."""
    text = refusal_text(principal_arn, action, resource, decision)
    return DeniedError("AccessDeniedException", text, Judged(action, resource, decision))


def refusal_text(principal_arn: str, action: str, resource: str, decision: Decision) -> str:
    """AWS's sentence for a decision that is not allowed; services spell ``resource`` their way.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    """
    return (
        f"User: {principal_arn} is not authorized to perform: {action} "
        f"on resource: {resource} {_reason(action, decision)}"
    )


def _reason(action: str, decision: Decision) -> str:
    source = decision.source
    if not decision.explicit_deny:
        return f"because no {source} allows the {action} action"
    match source:
        case Source.TRUST:
            return f"with an explicit deny in the {source}"
        case Source.IDENTITY:
            return f"with an explicit deny in an {source}"
        case Source.RESOURCE | Source.BOUNDARY | Source.SESSION:
            return f"with an explicit deny in a {source}"


def _compile(principal: Principal) -> _Known:
    boundary, session = principal.boundary, principal.session
    layers = [_layer(Source.IDENTITY, principal.policies)]
    if boundary is not None:
        layers.append(_layer(Source.BOUNDARY, [boundary]))
    if session is not None and session.policies is not None:
        layers.append(_layer(Source.SESSION, session.policies))
    return _Known(
        principal=principal,
        own=of_principal(principal),
        who=caller(principal),
        layers=tuple(layers),
    )


def _layer(source: Source, policies: Iterable[Policy]) -> _Layer:
    return _Layer(source, tuple((policy.name, compiled(policy.document)) for policy in policies))


def _rule(statement: Compiled, policy: str, source: Source) -> _Rule:
    allowed = statement.effect is Effect.ALLOW
    return _Rule(
        statement,
        Decision(allowed, not allowed, policy, statement.label, statement.index, source),
    )


def _naming(
    policies: Iterable[tuple[str, tuple[Compiled, ...]]], action: str, source: Source
) -> _Named:
    named = [
        _rule(statement, policy, source)
        for policy, statements in policies
        for statement in statements
        if statement.actions.match(action)
    ]
    return (
        tuple(rule for rule in named if rule.statement.effect is Effect.DENY),
        tuple(rule for rule in named if rule.statement.effect is Effect.ALLOW),
    )


def _decide(
    known: _Known, action: str, resource: list[str], facts: Facts, on: ResourcePolicy | None
) -> Decision:
    layers = () if known.principal.is_root else known.layers
    for layer in layers:
        for rule in layer.naming(action)[0]:
            if rule.statement.answer(resource, facts) is not Answer.NO:
                return rule.decision
    if on is None:
        return _own(layers, action, resource, facts)
    denied, granted = _of_resource(known.who, on, action, resource, facts)
    if denied is not None:
        return denied
    same_account = known.who.account == on.owner
    if same_account and granted is not None and granted[0] is not Named.ACCOUNT:
        # Named itself: its identity policies may be silent, and if directly, all the others too.
        limits = layers[1:] if granted[0] is Named.ROLE else ()
        limited = _own(limits, action, resource, facts)
        return granted[1] if limited.allowed else limited
    decision = _own(layers, action, resource, facts)
    if decision.allowed and granted is None and (not same_account or on.kind is Kind.TRUST):
        return Decision(allowed=False, source=on.source)
    return decision


def _own(layers: Sequence[_Layer], action: str, resource: list[str], facts: Facts) -> Decision:
    """What the caller's own policies allow: every layer must."""
    decision: Decision | None = None
    for layer in layers:
        allowed = _allowed(layer.naming(action)[1], resource, facts)
        if allowed is None:
            return Decision(allowed=False, source=layer.source)
        decision = decision or allowed
    return decision or Decision(allowed=True)


def _allowed(rules: Iterable[_Rule], resource: list[str], facts: Facts) -> Decision | None:
    for rule in rules:
        if rule.statement.answer(resource, facts) is Answer.YES:
            return rule.decision
    return None


def _of_resource(
    who: Caller, on: ResourcePolicy, action: str, resource: list[str], facts: Facts
) -> tuple[Decision | None, tuple[Named, Decision] | None]:
    """What the resource's policy says: a deny, or an allow and how directly it names the caller."""
    documents = [(name, compiled(text, on.kind)) for name, text in on.documents]
    denies, allows = _naming(documents, action, on.source)
    for rule in denies:
        meant, _ = rule.statement.principals.answer(who)
        if meant is not Answer.NO and rule.statement.answer(resource, facts) is not Answer.NO:
            return rule.decision, None
    best: tuple[Named, Decision] | None = None
    for rule in allows:
        meant, named = rule.statement.principals.answer(who)
        if meant is not Answer.YES or (best is not None and named <= best[0]):
            continue
        if rule.statement.answer(resource, facts) is Answer.YES:
            best = (named, rule.decision)
    return None, best
