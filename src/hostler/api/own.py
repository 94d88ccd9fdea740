"""Calls of the API that Hostler makes itself, and events that it tells the audit log.

Invariant: whoever reads the audit log sees that it was Hostler, which part of it, and why.
"""

import uuid
from collections.abc import Mapping
from typing import Any

from hostler.api.registry import Call, Rooms
from hostler.api.server import Services
from hostler.audit.entry import Entry, Own
from hostler.domain.ids import AccountId, Region, root_arn
from hostler.domain.snapshot import Principal


class OwnCalls:
    """One part of Hostler, as a caller of SageMaker's operations.

    Args:
        rooms: As the API's application has them.
        part: Its name in the audit log: ``cleanup.hostler``.
    """

    def __init__(self, rooms: Rooms, part: str) -> None:
        self._rooms = rooms
        self._services = Services(rooms)
        self._part = part

    async def call(
        self,
        operation: str,
        account: AccountId,
        region: Region,
        params: Mapping[str, Any],
        why: str,
    ) -> None:
        """Call an operation.

        Raises:
            CallerError: It was refused.
            StoreUnavailableError: Try again later.
        """
        await self._services.own(
            Call(
                service="sagemaker",
                operation=operation,
                account=account,
                region=region,
                principal=Principal(root_arn(account), account, account, "root", is_root=True),
                params=params,
                now=self._rooms.clock.now(),
                request_id=str(uuid.uuid4()),
                quotas=self._rooms.quotas(),
                own=Own(self._part, {"why": why}),
            )
        )

    def tell(
        self, event: str, account: AccountId, region: Region, arn: str, details: Mapping[str, Any]
    ) -> None:
        """Write an event about a resource into the audit log."""
        self._rooms.journal.add(
            Entry(
                service="sagemaker",
                operation=event,
                request_id=str(uuid.uuid4()),
                at=self._rooms.clock.now(),
                account=account,
                region=region,
                own=Own(self._part, details, (arn,)),
            )
        )
