"""A build of an environment, which takes long: told by health (and `status`) and by `up`."""

import threading
from pathlib import Path

import pytest

from archives import ECHO, script
from deploying import create_config, create_model, settled
from hostler.app.supervisor import readiness
from running import PREFIX, hostler

pytestmark = pytest.mark.xdist_group("cli")


def test_a_build_is_told_where_people_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTLER_CACHE_DIR", str(tmp_path))
    with hostler() as server:
        seen: list[str] = []
        ended = threading.Event()

        def look() -> None:
            while not ended.wait(0.01):
                health = readiness.ask("127.0.0.1", server.port) or {}
                seen.extend(health.get("builds", {}))

        looking = threading.Thread(target=look)
        looking.start()
        try:
            config = create_config(server, "echo", create_model(server, "echo", script(ECHO)))
            server.client("sagemaker").create_endpoint(
                EndpointName=f"{PREFIX}echo-ep", EndpointConfigName=config
            )
            described = settled(server, f"{PREFIX}echo-ep")
        finally:
            ended.set()
            looking.join()
        assert described["EndpointStatus"] == "InService"
        assert "generic" in seen
        console = (server.home / "up.log").read_text()
        assert "  building the generic environment (" in console
        assert "  built the generic environment in " in console
