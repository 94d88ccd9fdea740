"""Whether instances' output may be written into the logs: by their execution roles, as on AWS.

Invariant: nobody else's permission counts, and none that was taken back, for longer than
``KEPT_S``. What may not be written stays in its spool, which is bounded, and is written as soon as
it may be.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from hostler.control import execution_role
from hostler.control.execution_role import NotActingError
from hostler.domain.ids import log_group_arn
from hostler.domain.ports import Clock
from hostler.domain.snapshot import Principal
from hostler.iam.evaluate import PolicyEngine
from hostler.store.database import Store

KEPT_S = 2.0
"""How long a role's policies are remembered (s)."""
ROLES_MAX = 1_024
_FROM_HERE = {"aws:SecureTransport": "true"}
"""On AWS, output goes to the logs over TLS."""

_log = logging.getLogger("hostler.control")


@dataclass(frozen=True, slots=True)
class Stream:
    """A log stream, and as whom it is written."""

    account: str
    region: str
    group: str
    name: str
    role_arn: str

    def needed(self, *, new_group: bool) -> Iterator[tuple[str, str]]:
        """What AWS asks for: each permission and the ARN that it is needed on."""
        group = f"{log_group_arn(self.region, self.account, self.group)}:log-stream:"
        if new_group:
            yield "logs:CreateLogGroup", group
        yield "logs:CreateLogStream", f"{group}{self.name}"
        yield "logs:PutLogEvents", f"{group}{self.name}"


class LogWriting:
    """Decides about the streams of instances; remembers roles for a moment.

    Args:
        store: The control database, for the roles.
        clock: For how long they are remembered.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._engine = PolicyEngine()
        self._roles: dict[tuple[str, str], tuple[float, Principal | str]] = {}
        """By ARN and region: until when, and the role, or why SageMaker cannot act as it."""
        self._refused: dict[str, tuple[Stream, str]] = {}
        """By instance: which stream may not be written, and why."""

    @property
    def problem(self) -> str | None:
        """In words that name nobody's endpoint; None while all may write."""
        if not self._refused:
            return None
        groups = {(each.account, each.region, each.group) for each, _ in self._refused.values()}
        return (
            f"the output of {len(groups)} endpoint(s) waits, and is not in the logs: the execution "
            "role may not write it; log/control.log in the data directory says which"
        )

    async def may(self, instance_id: str, stream: Stream, *, new_group: bool) -> bool:
        """Whether the role may write an instance's stream; what it lacks is logged once.

        Raises:
            StoreUnavailableError: Not now.
        """
        role = await self._role(stream.role_arn, stream.region)
        why = role if isinstance(role, str) else self._refusal(role, stream, new_group=new_group)
        if why is None:
            self.forget(instance_id)
        elif self._refused.get(instance_id) != (stream, why):
            self._refused[instance_id] = (stream, why)
            _log.warning("the output of %s waits for %s: %s", stream.name, stream.group, why)
        return why is None

    def forget(self, instance_id: str) -> None:
        """Nothing of an instance's waits any more."""
        self._refused.pop(instance_id, None)

    def _refusal(self, role: Principal, stream: Stream, *, new_group: bool) -> str | None:
        keys = {"aws:RequestedRegion": stream.region, **_FROM_HERE}
        for action, resource in stream.needed(new_group=new_group):
            decision = self._engine.decide(role, action, resource, keys)
            if not decision.allowed:
                by = (
                    f"{decision.policy} denies it"
                    if decision.explicit_deny
                    else "no policy allows it"
                )
                return (
                    f"{role.arn} may not {action} on {resource}: {by}. Allow logs:CreateLogGroup, "
                    "logs:CreateLogStream and logs:PutLogEvents there in a policy of the role"
                )
        return None

    async def _role(self, role_arn: str, region: str) -> Principal | str:
        now = self._clock.now()
        until, known = self._roles.get((role_arn, region), (0.0, ""))
        if now < until:
            return known
        try:
            known = await self._store.read(lambda tx: execution_role.acting(tx, role_arn, region))
        except NotActingError as error:
            known = str(error)
        if len(self._roles) >= ROLES_MAX:
            self._roles.clear()
        self._roles[role_arn, region] = (now + KEPT_S, known)
        return known
