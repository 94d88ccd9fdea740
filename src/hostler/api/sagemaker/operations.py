"""How a sagemaker operation is declared: its handler, whose permission it needs, its members.

Invariant: the action is ``sagemaker:`` and the operation's own name, so the two cannot differ.
"""

from collections.abc import Sequence

from hostler.api.registry import Access, AccessRule, Call, Effect, Handler, Operation, Preparation
from hostler.api.sagemaker.members import BY_OPERATION
from hostler.api.sagemaker.resources import Kind


def reads(name: str, handler: Handler, access: AccessRule) -> Operation:
    """An operation that changes nothing."""
    return Operation(name, handler, access, Effect.READS, members=BY_OPERATION[name])


def writes(
    name: str, handler: Handler, access: AccessRule, prepare: Preparation | None = None
) -> Operation:
    """An operation that changes something."""
    return Operation(name, handler, access, Effect.WRITES, prepare, BY_OPERATION[name])


def deletes(name: str, handler: Handler, access: AccessRule) -> Operation:
    """An operation that leaves less than it found."""
    return Operation(name, handler, access, Effect.DELETES, members=BY_OPERATION[name])


def on(*resources: tuple[Kind, str]) -> AccessRule:
    """Permission on the resources that members name; on AddTags as well when tags come along."""

    def rule(call: Call) -> Sequence[Access]:
        arns = [kind.arn(call, call.params[member]) for kind, member in resources]
        needed = [Access(f"sagemaker:{call.operation}", arn) for arn in arns]
        if call.params.get("Tags"):
            needed.append(Access("sagemaker:AddTags", arns[0]))
        return needed

    return rule


def on_everything(call: Call) -> Sequence[Access]:
    """Permission on ``*``, which is all that lists can be given."""
    return [Access(f"sagemaker:{call.operation}", "*")]
