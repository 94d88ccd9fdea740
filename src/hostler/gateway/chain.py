"""The steps of InvokeEndpoint, as one list.

Invariant: a step either lets the invocation pass or raises the caller's error; the last one hands
it to an instance or to a queue, from where ``forward`` answers it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from hostler.domain.errors import CallerError
from hostler.gateway import admit, authenticate, authorize, features, forward, route, short

if TYPE_CHECKING:
    from hostler.gateway.gateway import Gateway
    from hostler.gateway.invocation import Invocation

STEPS: tuple[Callable[["Invocation"], None], ...] = (
    authenticate.step,
    features.step,
    authorize.step,
    route.step,
    short.remember,
    admit.step,
)

SHORT: tuple[Callable[["Invocation"], None], ...] = (short.step,)
"""For one like another before, under the same snapshot."""


AGAIN: tuple[Callable[["Invocation"], None], ...] = (route.step, admit.step)
"""The steps of one whose variant went away while it waited."""


def run(
    invocation: "Invocation", steps: tuple[Callable[["Invocation"], None], ...] = STEPS
) -> None:
    """Take an invocation that was read whole through the steps."""
    try:
        for step in steps:
            step(invocation)
    except CallerError as failure:
        invocation.refuse(failure)
    except Exception as defect:  # noqa: BLE001 - the gateway's boundary: one request, not the process
        invocation.gateway.defect("in the chain", defect)
        invocation.refuse(internal())


def reroute(invocation: "Invocation") -> None:
    """Route an invocation anew."""
    if not invocation.done:
        run(invocation, AGAIN)


def reply(invocation: "Invocation", status: int, meta: bytes, body: bytes) -> None:
    """Take an instance's answer; a defect in that ends this client's connection, no other."""
    try:
        forward.reply(invocation, status, meta, body)
    except Exception as defect:  # noqa: BLE001 - the boundary again
        invocation.gateway.defect("while answering", defect)
        invocation.connection.abort()


def begin(invocation: "Invocation", status: int, meta: bytes, size: int) -> bool:
    """Begin to pass on a large answer; False for one that must be known whole."""
    try:
        return forward.begin(invocation, status, meta, size)
    except Exception as defect:  # noqa: BLE001 - the boundary again
        invocation.gateway.defect("while beginning to answer", defect)
        invocation.connection.abort()
        return True


def end(invocation: "Invocation", status: int) -> None:
    """A large answer was passed on whole."""
    try:
        forward.end(invocation, status)
    except Exception as defect:  # noqa: BLE001 - the boundary again
        invocation.gateway.defect("while ending an answer", defect)
        invocation.connection.abort()


def attempt(gateway: "Gateway", what: str, action: Callable[[], None]) -> bool:
    """Do what must not end the process; False when a defect of ours was logged instead."""
    try:
        action()
    except Exception as defect:  # noqa: BLE001 - the boundary of what no request asked for
        gateway.defect(what, defect)
        return False
    return True


def internal() -> CallerError:
    """What the caller hears of a defect of ours."""
    return CallerError("InternalFailure", "An internal failure occurred; try again.")
