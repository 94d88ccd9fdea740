"""`hostler runtimes list|build|prune` over a cache of its own, and a runtime of one package."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from wheels import wheel


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOSTLER_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("HOSTLER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    wheel(tmp_path / "wheels", "hostler_probe_a")
    wheel(tmp_path / "wheels", "hostler_probe_b")
    sets(tmp_path, "hostler-probe-a")
    return tmp_path


def sets(home: Path, requirement: str) -> None:
    added = f"[runtimes.add.own]\nrequirements = ['{requirement}']\n"
    (home / "hostler.toml").write_text(f"[runtimes]\nfind_links = ['wheels']\n{added}")


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hostler.cli.main", "runtimes", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def answer(*words: str) -> Any:
    done = run(*words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_what_is_built_is_listed_and_pruned_once_it_is_set_no_more(home: Path) -> None:
    states = {each["name"]: each["state"] for each in answer("list")["runtimes"]}
    assert states["own"] == states["scikit-learn"] == "no"
    [built] = answer("build", "own")["built"]
    [own] = [each for each in answer("list")["runtimes"] if each["name"] == "own"]
    assert (own["state"], own["path"], own["used_by"]) == ("yes", built["path"], [])
    assert own["size_bytes"] > 0
    assert answer("prune")["removed"] == []

    sets(home, "hostler-probe-b")
    assert "1 no longer wanted" in run("list").stdout
    words = [f"{built['path']}/bin/python", "-c", "input()"]
    with subprocess.Popen(words, stdin=subprocess.PIPE) as user:
        pruned = answer("prune")
        assert [each["path"] for each in pruned["in_use"]] == [built["path"]]
        assert pruned["removed"] == []
        user.communicate(b"\n")
    assert len(answer("prune", "--dry-run")["removed"]) == 1
    assert [each["path"] for each in answer("prune")["removed"]] == [built["path"]]
    assert not Path(built["path"]).exists()


def test_what_cannot_be_built_is_one_line(home: Path) -> None:
    assert home.is_dir()
    refused = run("build", "nothing")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "there is no runtime nothing: there are " in refused.stderr
    refused = run("build")
    assert "name what to build: " in refused.stderr
