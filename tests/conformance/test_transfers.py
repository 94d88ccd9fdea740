"""Files of many parts up and down; `make conformance` does it with 2 GB and every client."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from running import Running, hostler
from transfers import MIB, Transfer, boto3_managed, boto3_whole, there_and_back

SIZE = 128 * MIB


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with hostler() as running:
        yield running


@pytest.mark.parametrize(
    "transfer",
    [boto3_managed, boto3_whole],
    ids=["boto3", "boto3 in one piece"],
)
def test_a_large_file_goes_up_and_comes_down_in_bounded_memory(
    server: Running, transfer: Transfer, tmp_path: Path
) -> None:
    there_and_back(server, transfer, server.environment("deployer"), SIZE, tmp_path)
