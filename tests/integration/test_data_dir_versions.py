"""Data directories that other versions of Hostler wrote."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from data_dirs import DATABASES, FIXTURES, thaw
from hostler.cli.keyring import KeyRing
from hostler.domain.layout import Layout
from running import BUCKET, PREFIX, Running, eventually, free_port


@pytest.fixture
def stopped(tmp_path: Path) -> Iterator[Running]:
    """A data directory of version 1 that nobody runs yet; whoever does is stopped in the end."""
    server = Running(tmp_path / "d", free_port())
    thaw(FIXTURES / "version-1", server.home)
    yield server
    server.run("down", check=False)


def named(layout: Layout) -> set[str]:
    """What may lie in a data directory."""
    properties = [name for name, each in vars(Layout).items() if isinstance(each, property)]
    paths = [getattr(layout, name) for name in properties]
    users = [key.user for key in map(KeyRing(layout.root).find, ("root", "deployer", "caller"))]
    paths += [*(layout.sdk_config(user) for user in users)]
    databases = [path for path in paths if path.suffix == ".db"]
    paths += [path.with_name(path.name + end) for path in databases for end in ("-wal", "-shm")]
    return {path.relative_to(layout.root).parts[0] for path in paths}


def test_a_data_directory_of_the_first_version_starts_and_serves(stopped: Running) -> None:
    stopped.up()
    sagemaker = stopped.client("sagemaker")
    statuses = {
        e["EndpointName"]: e["EndpointStatus"] for e in sagemaker.list_endpoints()["Endpoints"]
    }
    assert statuses == {f"{PREFIX}echo-ep": "InService", f"{PREFIX}failed-ep": "Failed"}
    keys = {each["Key"] for each in stopped.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]}
    assert keys == {f"models/{name}/model.tar.gz" for name in ("echo", "failed")}
    assert "nobody_has_this" in stopped.run("logs", f"{PREFIX}failed-ep").stdout

    def answer() -> str | None:
        words = ("invoke", f"{PREFIX}echo-ep", "--body", "[1]", "--as", "caller")
        done = stopped.run(*words, check=False)
        return done.stdout if done.returncode == 0 else None

    assert eventually("the endpoint's instance is back", answer, 60.0)
    found = {path.name for path in stopped.home.iterdir()}
    assert found <= named(Layout(stopped.home)), "every file has its name"


@pytest.mark.parametrize("name", DATABASES)
def test_a_data_directory_of_a_newer_version_is_refused_with_the_remedy(
    stopped: Running, name: str
) -> None:
    with closing(sqlite3.connect(stopped.home / name)) as database, database:
        database.execute("UPDATE schema_version SET version = 1000")
    done = stopped.run("up", "--port", str(stopped.port), "--detach", check=False)
    assert done.returncode == 1
    assert "was written by a newer Hostler: upgrade this one" in done.stderr
    assert str(stopped.home / name) in done.stderr
    assert stopped.run("status", check=False).returncode == 1
