"""How a sagemaker operation is declared: its handler, whose permission it needs, its members.

Invariant: the action is ``sagemaker:`` and the operation's own name, so the two cannot differ.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from hostler.api.registry import Access, AccessRule, Call, Effect, Handler, Operation, Preparation
from hostler.api.sagemaker.members import BY_OPERATION
from hostler.api.sagemaker.resources import Kind
from hostler.iam.context import ABSENT, NO_CONTEXT, Context

TAGGING_ACTION = "sagemaker:TaggingAction"
TAGGED_BY_ITSELF: Context = {
    TAGGING_ACTION: ABSENT,  # tags that come with a creation have it
    # Of model packages, which do not exist here:
    "sagemaker:CurrentCustomerMetadataProperties/*": ABSENT,
    "sagemaker:CurrentModelLifeCycleStage": ABSENT,
    "sagemaker:CurrentModelLifeCycleStageStatus": ABSENT,
}
"""The keys of calls about the tags of what exists."""

KeysRule: TypeAlias = Callable[[Call], Context]
"""The condition keys that only one operation has."""


def no_keys(_call: Call) -> Context:
    """Most operations have none of their own."""
    return NO_CONTEXT


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


def on(*resources: tuple[Kind, str], keys: KeysRule = no_keys) -> AccessRule:
    """Permission on the resources that members name; on AddTags as well when tags come along.

    The first is the one that a Create makes; ``keys`` are those that only this operation has.
    """

    def rule(call: Call) -> Sequence[Access]:
        makes = call.operation.startswith("Create")
        own = keys(call)
        needed = [
            Access(
                f"sagemaker:{call.operation}",
                kind.arn(call, call.params[member]),
                own,
                is_new=makes and number == 0,
            )
            for number, (kind, member) in enumerate(resources)
        ]
        if call.params.get("Tags"):
            action = {**TAGGED_BY_ITSELF, TAGGING_ACTION: call.operation}
            needed.append(
                Access("sagemaker:AddTags", needed[0].resource, action, is_new=needed[0].is_new)
            )
        return needed

    return rule


def on_everything(call: Call) -> Sequence[Access]:
    """Permission on ``*``, which is all that lists can be given."""
    return [Access(f"sagemaker:{call.operation}", "*")]
