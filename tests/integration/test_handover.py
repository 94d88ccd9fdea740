"""A gateway's listening socket in a supervisor's hands."""

import asyncio
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostler.app.supervisor import sockets
from hostler.app.supervisor.sockets import PortTakenError
from hostler.gateway import handover
from hostler.gateway.handover import Handover


@pytest.fixture
def door() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(dir="/tmp", prefix="h-"))
    yield path / "gateway-0.sock"
    shutil.rmtree(path)


async def fetched(door: Path, listener: socket.socket) -> socket.socket | None:
    gateway = Handover(door, listener, 0)
    gateway.open()
    try:
        return await asyncio.to_thread(sockets.fetch, door)
    finally:
        gateway.close()


def test_the_next_supervisor_gets_the_same_socket(door: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        got = asyncio.run(fetched(door, listener))
        assert got is not None
        with got:
            assert got.getsockname() == listener.getsockname()
    assert sockets.fetch(door) is None


def test_a_newer_gateway_is_named_and_left_alone(
    door: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert handover.VERSION <= sockets.HANDOVER_VERSION_MAX
    monkeypatch.setattr(handover, "VERSION", sockets.HANDOVER_VERSION_MAX + 1)
    refused = pytest.raises(PortTakenError, match=r"newer Hostler \(process \d+\).*hostler down")
    with socket.create_server(("127.0.0.1", 0)) as listener, refused:
        asyncio.run(fetched(door, listener))
