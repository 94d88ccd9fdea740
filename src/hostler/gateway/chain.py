"""The steps of InvokeEndpoint, as one list.

Invariant: a step either lets the invocation pass or raises the caller's error; the last one hands
it to an instance or to a queue, from where ``forward`` answers it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from hostler.domain.errors import CallerError
from hostler.gateway import admit, authenticate, authorize, features, route, short

if TYPE_CHECKING:
    from hostler.gateway.gateway import Gateway
    from hostler.gateway.invocation import Invocation
    from hostler.gateway.mould import Claim, Mould

STEPS: tuple[Callable[["Invocation"], None], ...] = (
    authenticate.step,
    features.step,
    authorize.step,
    route.step,
    short.remember,
    admit.step,
)

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


def run_short(invocation: "Invocation", mould: "Mould", way: short.Way, claim: "Claim") -> None:
    """Take one like another before, under the same snapshot, through all steps in one."""
    try:
        short.step(invocation, mould, way, claim)
    except CallerError as failure:
        invocation.refuse(failure)
    except Exception as defect:  # noqa: BLE001 - the boundary again
        invocation.gateway.defect("in the short chain", defect)
        invocation.refuse(internal())


def reroute(invocation: "Invocation") -> None:
    """Route an invocation anew."""
    if not invocation.done:
        run(invocation, AGAIN)


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
