"""What an invocation may ask for: modelled constraints, and features that do not exist yet.

Invariant: an accepted header acts. One whose feature does not exist yet is refused by its name.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from hostler.domain.errors import CallerError
from hostler.gateway import session

if TYPE_CHECKING:
    from hostler.aws.recurring import Recurring
    from hostler.gateway.invocation import Invocation

CODE = "ValidationError"

PREFIX = "x-amzn-sagemaker-"

ABSENT: Mapping[str, str] = {
    "x-amzn-sagemaker-target-container-hostname": "TargetContainerHostname",
    "x-amzn-sagemaker-enable-explanations": "EnableExplanations",
    "x-amzn-sagemaker-inference-component": "InferenceComponentName",
    "x-amzn-sagemaker-prefix-aware-id": "PrefixAwareId",
}
"""Headers of InvokeEndpoint whose feature does not exist yet, with the member's name."""

TARGET_MODEL = "x-amzn-sagemaker-target-model"
CUSTOM_ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"
INFERENCE_ID = "x-amzn-sagemaker-inference-id"
SESSION_ID = "x-amzn-sagemaker-session-id"
TARGET_VARIANT = "x-amzn-sagemaker-target-variant"

INVOKE = "InvokeEndpoint"

OPERATIONS: Mapping[str, str] = {
    "invocations": INVOKE,
    "async-invocations": "InvokeEndpointAsync",
    "invocations-response-stream": "InvokeEndpointWithResponseStream",
}
"""SageMaker Runtime's operations by the last part of ``POST /endpoints/{name}/…``."""

MOULDS_CAST_MAX = 8
"""For one connection, beyond those that it came back to: a client whose heads never recur must not
cost a mould each time, and one that calls hundreds of endpoints is to have them all."""

_ASCII = re.compile(r"[\x00-\x7f]*")
_PRINTABLE = re.compile(r"[\x21-\x7e][\x20-\x7e]*")

_CHECKED: Mapping[str, tuple[str, int, re.Pattern[str], str]] = {
    "content-type": ("contentType", 1024, _ASCII, r"\p{ASCII}*"),
    "accept": ("accept", 1024, _ASCII, r"\p{ASCII}*"),
    CUSTOM_ATTRIBUTES: ("customAttributes", 1024, _ASCII, r"\p{ASCII}*"),
    INFERENCE_ID: ("inferenceId", 64, _PRINTABLE, r"\A\S[\p{Print}]*\z"),
    SESSION_ID: ("sessionId", session.LENGTH_MAX, session.PATTERN, session.WRITTEN),
}
"""Header → member, longest length, pattern and the pattern as AWS writes it."""


def step(invocation: "Invocation") -> None:
    """Refuse what is malformed or does not exist yet; settle what the model server is told."""
    if invocation.mould is not None:  # cast from a request that passed here
        return
    head = invocation.head
    if invocation.operation != INVOKE:
        raise CallerError(
            CODE, f"{invocation.operation} is not supported by this version of Hostler."
        )
    asked = head.shape.asked
    if asked.absent is not None:
        raise CallerError(CODE, f"{asked.absent} is not supported by this version of Hostler.")
    if asked.target_model:
        raise CallerError(
            CODE,
            f"Endpoint {invocation.name} is not a multi-model endpoint and does not support "
            "target model header.",
        )
    values = head.values
    for position, member, longest, pattern, written in asked.checks:
        value = values[position]
        if len(value) > longest:
            raise _constraint(
                member, value, f"Member must have length less than or equal to {longest}"
            )
        if not (value.isascii() if pattern is _ASCII else pattern.fullmatch(value)):
            raise _constraint(
                member, value, f"Member must satisfy regular expression pattern: {written}"
            )
    told = [values[at] if at >= 0 else "" for at in asked.told]
    if asked.session >= 0:
        invocation.session = session.read(values[asked.session])
        told[-1] = invocation.session.own
    invocation.meta = "\0".join(told).encode("latin-1")
    if invocation.recurring is not None and invocation.session is None:
        _cast(invocation, invocation.recurring)


def _cast(invocation: "Invocation", recurring: "Recurring") -> None:
    """Make the mould for the client's next requests; a client whose heads differ gets few."""
    connection = invocation.connection
    if connection.moulds_cast >= MOULDS_CAST_MAX or "?" in invocation.head.target:
        return
    connection.moulds_cast += 1
    moulds = invocation.gateway.moulds
    mould = moulds.cast(invocation.head, connection.chunk, invocation.name, recurring)
    if mould is not None:
        mould.meta = invocation.meta
        connection.mould = mould


_TOLD = ("content-type", "accept", CUSTOM_ATTRIBUTES, INFERENCE_ID, TARGET_MODEL, SESSION_ID)
"""The headers that a model server is told, in the order of ``frames.REQUEST_META``."""


class Asked(NamedTuple):
    """What the names of an invocation's headers ask for, and where; -1 where there is none."""

    absent: str | None
    """The member whose feature does not exist yet."""
    target_model: bool
    checks: tuple[tuple[int, str, int, re.Pattern[str], str], ...]
    told: tuple[int, ...]
    """Where the model server's meta is, without what is absent at the end."""
    target_variant: int
    session: int


def ask(positions: Mapping[str, int]) -> Asked:
    """Read the names (``positions``: lower-case name to place)."""
    told = [positions.get(name, -1) for name in _TOLD]
    while len(told) > 1 and told[-1] < 0:
        told.pop()
    return Asked(
        absent=next((member for name, member in ABSENT.items() if name in positions), None),
        target_model=TARGET_MODEL in positions,
        checks=tuple(
            (positions[name], *check) for name, check in _CHECKED.items() if name in positions
        ),
        told=tuple(told),
        target_variant=positions.get(TARGET_VARIANT, -1),
        session=positions.get(SESSION_ID, -1),
    )


def _constraint(member: str, value: str, rule: str) -> CallerError:
    return CallerError(
        CODE,
        f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy "
        f"constraint: {rule}",
    )
