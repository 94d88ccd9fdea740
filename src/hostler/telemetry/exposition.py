"""Prometheus's text format, version 0.0.4: families of samples to text.

Invariant: pure. What is written is read by every scraper: names and labels are of the code, values
of labels are escaped, a family's samples stand together behind its help and type.
https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

Labels = Mapping[str, str]


class Kind(StrEnum):
    """What a family's numbers are."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Sample(NamedTuple):
    """One number; ``suffix`` is what its name has behind the family's."""

    labels: Labels
    value: float
    suffix: str = ""


@dataclass(slots=True)
class Family:
    """The samples of one name."""

    name: str
    kind: Kind
    means: str
    samples: list[Sample] = field(default_factory=list)

    def add(self, value: float, /, **labels: str) -> None:
        """One more sample."""
        self.samples.append(Sample(labels, value))

    def add_histogram(
        self, labels: Labels, buckets: Sequence[tuple[float, int]], total: float, count: int
    ) -> None:
        """A whole histogram; ``buckets`` are (upper bound, how many up to it), in order."""
        for bound, number in buckets:
            self.samples.append(Sample({**labels, "le": _number(bound)}, number, "_bucket"))
        self.samples.append(Sample({**labels, "le": "+Inf"}, count, "_bucket"))
        self.samples.append(Sample(labels, total, "_sum"))
        self.samples.append(Sample(labels, count, "_count"))


def text(families: Iterable[Family]) -> str:
    """The whole page; families without samples are left out."""
    return "".join(line + "\n" for family in families if family.samples for line in _lines(family))


def _lines(family: Family) -> Iterator[str]:
    means = family.means.replace("\\", r"\\").replace("\n", r"\n")
    yield f"# HELP {family.name} {means}"
    yield f"# TYPE {family.name} {family.kind}"
    for labels, value, suffix in family.samples:
        shown = ",".join(f'{name}="{_escaped(each)}"' for name, each in labels.items())
        braces = f"{{{shown}}}" if shown else ""
        yield f"{family.name}{suffix}{braces} {_number(value)}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(value)
