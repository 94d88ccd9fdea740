"""How an operation of IAM is written down: what it does, what it takes, what it needs.

Invariant: every operation needs the permission ``iam:{its own name}`` on the ARN that it works on;
an entity called by name is located first, for its ARN has its path.
"""

from collections.abc import Callable, Mapping, Sequence

from hostler.api.iam import lookup
from hostler.api.iam.keys import own_keys
from hostler.api.members import ACTS, Fate, Members
from hostler.api.registry import Access, Call, Effect, Handler, LocatedRule, Operation
from hostler.store.database import Transaction
from hostler.store.identities import Identity, Kind

ResourceRule = Callable[[Call], str]
AlsoRule = Callable[[Call, Identity], Sequence[str]]

_MAKES = frozenset({"CreateUser", "CreateRole", "CreatePolicy"})
"""What makes the resource that it needs the permission on."""


def fixed(
    name: str,
    handler: Handler,
    resource: ResourceRule,
    *,
    acts: str,
    effect: Effect = Effect.READS,
    limited: Mapping[str, Fate] | None = None,
) -> Operation:
    """An operation whose resource the call itself tells.

    Args:
        name: AWS's name of it.
        handler: What it does.
        resource: The ARN it works on.
        acts: The input members that act, with spaces between.
        effect: What it does to the database.
        limited: The members whose feature does not exist, or only in part.
    """
    action = f"iam:{name}"
    return Operation(
        name=name,
        handler=handler,
        access=lambda call: (
            Access(action, resource(call), own_keys(call), is_new=name in _MAKES),
        ),
        effect=effect,
        members=_members(acts, limited),
    )


def on_user(
    name: str,
    handler: Handler,
    *,
    acts: str,
    effect: Effect = Effect.READS,
    limited: Mapping[str, Fate] | None = None,
    also: AlsoRule | None = None,
) -> Operation:
    """An operation on the user of UserName, or on the caller; ``also``: on these ARNs too."""
    members = _members(acts, limited)
    return _located(name, handler, Kind.USER, members=members, effect=effect, also=also)


def on_role(name: str, handler: Handler, *, acts: str, effect: Effect = Effect.READS) -> Operation:
    """An operation on the role of RoleName."""
    members = _members(acts, None)
    return _located(name, handler, Kind.ROLE, members=members, effect=effect, also=None)


def on_group(
    name: str,
    handler: Handler,
    *,
    acts: str,
    effect: Effect = Effect.READS,
    also: AlsoRule | None = None,
) -> Operation:
    """An operation on the group of GroupName; ``also``: on these ARNs too."""
    members = _members(acts, None)
    return _located(name, handler, Kind.GROUP, members=members, effect=effect, also=also)


def _located(
    name: str,
    handler: Handler,
    kind: Kind,
    *,
    members: Members,
    effect: Effect,
    also: AlsoRule | None,
) -> Operation:
    return Operation(
        name=name,
        handler=handler,
        access=_nothing_yet,
        effect=effect,
        members=members,
        located=_rule(f"iam:{name}", kind, also),
    )


def _nothing_yet(_call: Call) -> tuple[Access, ...]:
    """What is needed is known once the entity is located."""
    return ()


def _rule(action: str, kind: Kind, also: AlsoRule | None) -> LocatedRule:
    def rule(tx: Transaction, call: Call) -> Sequence[Access]:
        found = lookup.named(tx, call, kind)
        # Who may not see it learns nothing: the refusal comes before NoSuchEntity.
        arns = [lookup.likely_arn(call, kind) if found is None else found.arn]
        needed = [Access(action, arn, own_keys(call, found)) for arn in arns]
        if also is not None and found is not None:
            needed += [
                Access(action, arn, own_keys(call, found), is_new=True) for arn in also(call, found)
            ]
        return needed

    return rule


def _members(acts: str, limited: Mapping[str, Fate] | None) -> Members:
    return {**dict.fromkeys(acts.split(), ACTS), **(limited or {})}
