"""The external S3 of the settings, and whether it can be used.

Invariant: looked at from a thread, now and then; nothing waits for it.
"""

import asyncio
import logging
import time
from pathlib import Path

from hostler.app.config import external as config
from hostler.app.settings import Settings
from hostler.aws.external import ExternalError, ExternalS3, Place
from hostler.domain.config import Addressing

LOOK_EVERY_S = 15.0

_log = logging.getLogger("hostler.s3")


def of(settings: Settings) -> ExternalS3 | None:
    """The external S3, if there is to be one; raises ExternalError."""
    given = settings.config.s3
    if not given.endpoint:
        return None
    try:
        secret = config.secret(given)
    except (OSError, ValueError) as error:
        text = f"[s3] secret_access_key_file {given.secret_access_key_file} cannot be read: {error}"
        raise ExternalError(text) from error
    place = Place(
        endpoint=given.endpoint.rstrip("/"),
        region=given.region or settings.region,
        access_key_id=given.access_key_id,
        secret=secret,
        virtual_hosted=given.addressing is Addressing.VIRTUAL,
        ca_bundle=Path(given.ca_bundle) if given.ca_bundle else None,
    )
    return ExternalS3(place, time.time)


def problem(settings: Settings) -> str | None:
    """What keeps the external S3 from being used now; None where nothing does, or there is none."""
    try:
        external = of(settings)
        if external is not None:
            external.probe()
    except ExternalError as error:
        return str(error)
    return None


class Watch:
    """Looks at the external S3 now and then; ``problem`` is what was found, for status."""

    def __init__(self, external: ExternalS3 | None) -> None:
        self._external = external
        self.problem: str | None = None

    async def run(self) -> None:
        """Look for ever."""
        while True:
            if self._external is not None:
                before, self.problem = self.problem, await asyncio.to_thread(self._look)
                if self.problem and self.problem != before:
                    _log.warning("%s", self.problem)
            await asyncio.sleep(LOOK_EVERY_S)

    def _look(self) -> str | None:
        assert self._external is not None
        try:
            self._external.probe()
        except ExternalError as error:
            return str(error)
        return None
