"""Every transition table of the product, in one file.

Invariant: a status is written only through ``check``, the stage of a change only through
``check_stage``; a transition that is not listed is a bug of ours, raised before anything is stored.
"""

from collections.abc import Mapping

from hostler.domain.endpoint import EndpointStatus as E
from hostler.domain.endpoint import RolloutStage as R

ENDPOINT: Mapping[E, frozenset[E]] = {
    E.CREATING: frozenset({E.IN_SERVICE, E.FAILED, E.DELETING}),
    E.IN_SERVICE: frozenset({E.UPDATING, E.SYSTEM_UPDATING, E.DELETING, E.OUT_OF_SERVICE}),
    E.UPDATING: frozenset(
        {E.IN_SERVICE, E.ROLLING_BACK, E.UPDATE_ROLLBACK_FAILED, E.FAILED, E.DELETING}
    ),
    E.SYSTEM_UPDATING: frozenset({E.IN_SERVICE, E.FAILED, E.DELETING}),
    E.ROLLING_BACK: frozenset({E.IN_SERVICE, E.UPDATE_ROLLBACK_FAILED, E.DELETING}),
    E.UPDATE_ROLLBACK_FAILED: frozenset({E.UPDATING, E.DELETING}),
    E.OUT_OF_SERVICE: frozenset({E.IN_SERVICE, E.UPDATING, E.DELETING}),
    E.FAILED: frozenset({E.DELETING}),
    E.DELETING: frozenset(),
}

_BACK = frozenset({R.RETREATING, R.ROLLING_BACK})

ROLLOUT: Mapping[R | None, frozenset[R | None]] = {
    None: frozenset({R.PROVISIONING, R.GROWING, R.ROLLING_BACK}),
    R.PROVISIONING: frozenset({R.SWITCHING, None}) | _BACK,
    R.SWITCHING: frozenset({R.BAKING, R.TERMINATING, R.DRAINING, None}) | _BACK,
    R.BAKING: frozenset({R.SWITCHING, R.PROVISIONING, R.TERMINATING, R.DRAINING}) | _BACK,
    R.TERMINATING: frozenset({R.DRAINING}),
    R.DRAINING: frozenset({None}),
    R.RETREATING: frozenset({R.RETREATING, R.ROLLING_BACK, None}),
    R.ROLLING_BACK: frozenset({None}),
    R.GROWING: frozenset({R.SHRINKING, R.RESTORING}),
    R.SHRINKING: frozenset({None}),
    R.RESTORING: frozenset({None}),
}
"""None is «no change under way»: a first deployment has nothing to go back to and to drain."""

BUSY = frozenset({E.CREATING, E.UPDATING, E.SYSTEM_UPDATING, E.ROLLING_BACK, E.DELETING})
"""Statuses in which UpdateEndpoint and DeleteEndpoint are refused."""

SERVING = frozenset(
    {E.IN_SERVICE, E.UPDATING, E.SYSTEM_UPDATING, E.ROLLING_BACK, E.UPDATE_ROLLBACK_FAILED}
)
"""Statuses in which InvokeEndpoint is routed."""


class IllegalTransitionError(Exception):
    """A change that the tables do not know: a defect, never a caller's doing."""


def check(before: E, after: E) -> None:
    """Raise IllegalTransitionError unless ``before`` → ``after`` is listed or no change at all."""
    if after != before and after not in ENDPOINT[before]:
        raise IllegalTransitionError(f"endpoint status {before} -> {after}")


def check_stage(before: R | None, after: R | None) -> None:
    """Raise IllegalTransitionError unless a change goes from ``before`` to ``after``."""
    if after not in ROLLOUT[before]:
        raise IllegalTransitionError(f"stage {before} -> {after}")
