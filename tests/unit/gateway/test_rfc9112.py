"""What RFC 9112 and RFC 9110 ask of a server, held by a connection on every way a request may go.

Each case is followed by a good request, which is answered where the connection may be kept and else
reaches nobody: whatever is smuggled would show as one request or answer too many.
"""

from collections.abc import Iterator

import pytest

from http_cases import CASES, EACH, Case, sent
from http_exchange import Front, front, hold

READ = 100_000
"""As much as one read brings."""
BYTES_MAX = 3000
"""Longer cases come in pieces instead of byte by byte."""


@pytest.fixture(scope="module")
def gateway() -> Iterator[Front]:
    with front() as made:
        yield made


@pytest.mark.parametrize(("case", "way"), EACH, ids=str)
def test_at_once(gateway: Front, case: Case, way: str) -> None:
    data = sent(case, way)
    pieces = [data[at : at + READ] for at in range(0, len(data), READ)]
    hold(case, way, gateway.exchange(pieces))


@pytest.mark.parametrize(("case", "way"), EACH, ids=str)
def test_byte_by_byte(gateway: Front, case: Case, way: str) -> None:
    data = sent(case, way)
    step = 1 if len(data) <= BYTES_MAX else 1000
    pieces = [data[at : at + step] for at in range(0, len(data), step)]
    hold(case, way, gateway.exchange(pieces))


def test_no_two_cases_are_the_same() -> None:
    assert len({(case.section, case.name) for case in CASES}) == len(CASES)
    assert len({case.data for case in CASES}) == len(CASES)
