"""2 GB up and down through boto3 and both CLIs, while Hostler's memory stays bounded."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from running import Running, hostler
from transfers import MIB, Transfer, boto3_managed, boto3_whole, cli, there_and_back

SIZE = 2048 * MIB


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with hostler() as running:
        yield running


@pytest.mark.parametrize(
    "transfer",
    [boto3_managed, boto3_whole, cli("sdk2"), cli("cli2")],
    ids=["boto3", "boto3 in one piece", "AWS CLI v1", "AWS CLI v2"],
)
@pytest.mark.parametrize("option", [(), ("--intercept",)], ids=["http", "intercepted"])
def test_two_gigabytes_go_up_and_come_down(
    server: Running, transfer: Transfer, option: tuple[str, ...], tmp_path: Path
) -> None:
    exports: dict[str, str] = json.loads(server.run("env", "--json", *option).stdout)
    environment = server.environment() | exports
    if option:
        del environment["AWS_ENDPOINT_URL"]
    there_and_back(server, transfer, environment, SIZE, tmp_path)
