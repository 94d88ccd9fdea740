"""What a fault is to leave standing, what was seen, and whether it holds."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What a claim is about."""

    COUNT = "count"
    """Holds on any machine, however slow or busy."""
    TIME = "time"
    """A latency or a rate: of a machine that has nothing else to do."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One thing that must hold."""

    says: str
    seen: str
    holds: bool
    kind: Kind = Kind.COUNT


@dataclass(frozen=True, slots=True)
class Verdict:
    """Everything that was claimed of one fault."""

    fault: str
    title: str
    claims: tuple[Claim, ...]
    seconds: float

    @property
    def holds(self) -> bool:
        return bool(self.claims) and all(claim.holds for claim in self.claims)

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "holds": self.holds}


def count(says: str, seen: object, holds: bool) -> Claim:
    return Claim(says, str(seen), holds)


def time(says: str, seen: object, holds: bool) -> Claim:
    return Claim(says, str(seen), holds, Kind.TIME)


def table(verdicts: Sequence[Verdict]) -> str:
    """For people: a line for each claim."""
    lines = []
    for verdict in verdicts:
        held = sum(claim.holds for claim in verdict.claims)
        word = "holds" if verdict.holds else "FAILS"
        lines.append(
            f"{verdict.fault:4} {word}  {verdict.title} "
            f"({held}/{len(verdict.claims)}, {verdict.seconds:.0f} s)"
        )
        for claim in verdict.claims:
            mark = "ok  " if claim.holds else "FAIL"
            lines.append(f"     {mark}  {claim.says}: {claim.seen}")
    return "\n".join(lines)
