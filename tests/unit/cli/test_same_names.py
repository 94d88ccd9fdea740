"""Two accounts may have endpoints of one name: a command tells of its own account's."""

from pathlib import Path

import pytest

from hostler.app import serving
from hostler.app.settings import Settings
from hostler.backends.process import configured
from hostler.backends.process.runtimes import Runtime
from hostler.cli import parity
from hostler.domain.config import Config
from hostler.toolkit.connection import Connection
from hostler.toolkit.credentials import Key


def test_the_runtime_of_another_accounts_endpoint_of_this_name_is_not_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(tmp_path, Config())
    theirs, ours = list(configured.runtimes(settings.config.runtimes))[:2]

    def running(account: str, runtime: Runtime) -> serving.Serving:
        place = (account, "fraud", "us-east-1", "main", "i-1", 1)
        return serving.Serving(*place, runtime.title, runtime.digest)

    both = [running("1" * 12, theirs), running("2" * 12, ours)]
    monkeypatch.setattr(serving, "instances", lambda _layout: iter(both))
    key = Key("root", "root", "AKIAEXAMPLE", "secret")
    connection = Connection("http://127.0.0.1:1", "us-east-1", "2" * 12, key)
    assert parity._running(settings, connection, "fraud", "main").name == ours.name
