"""Calls of an endpoint as a gateway's spool has them, for tests of what is made of them."""

import fcntl
import json
import os

from hostler.domain.errors import CallerError
from hostler.domain.layout import Layout
from hostler.domain.snapshot import EndpointRoute, TargetRoute, VariantRoute
from hostler.domain.subject import Subject
from hostler.gateway.record import Recorder, told
from hostler.modelserver import spool

START = 1_700_000_040
SUBJECT = Subject("123456789012", "us-east-1", "e", "v")


def route(instances: int, variant: str = "v") -> EndpointRoute:
    targets = tuple(TargetRoute(f"i-{number}", ()) for number in range(instances))
    return EndpointRoute(
        SUBJECT.account, SUBJECT.region, "e", "arn", (VariantRoute(variant, 1.0, targets),)
    )


class Gateway:
    """What a gateway process leaves in its spool, and the lock it holds."""

    def __init__(self, layout: Layout, life: str, *, locked: bool = True) -> None:
        self.folder = layout.gateway_spool(0, life)
        self.folder.mkdir(parents=True)
        self._fd = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        if locked:
            fcntl.flock(self._fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        self._writer = spool.Writer(self._fd, segment_bytes=4096)
        self._recorder = Recorder()
        self.lives = True

    def calls(
        self,
        count: int,
        at: float = START,
        subject: Subject = SUBJECT,
        *,
        config: str = "",
        failed: int = 0,
    ) -> None:
        """Calls that were answered, the last of them by the model's 500.

        ``config``: of the deployment that answered, where there are two.
        """
        for number in range(count):
            status = 500 if number >= count - failed else 200
            counters = self._recorder.counters(subject, config)
            counters.answered(status, model_us=2000, overhead_us=100)
        lines = [json.dumps(each).encode() for each in self._recorder.records(at)]
        self._writer.append(int(at * 1000), spool.PLATFORM, lines)

    def refuse(self, at: float = START) -> None:
        self._recorder.counters(SUBJECT).refused(CallerError("ServiceUnavailable", "away"))
        self.calls(0, at)

    def say(self, lines: list[bytes]) -> None:
        """Lines as they are, at the beginning of time."""
        self._writer.append(0, spool.PLATFORM, lines)

    def tell(self, until: float, *, ended: bool = False) -> None:
        """How far its records go."""
        self.say([json.dumps(told(until, ended=ended)).encode()])

    def end(self, *, killed: bool = False) -> None:
        if not killed:
            self.tell(0.0, ended=True)
        self.lives = False
        self._writer.close()
        os.close(self._fd)
