import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hostler.backends.process import isolation
from hostler.backends.process.isolation import TierKind, Users, probe
from hostler.modelserver.sandbox import SandboxPlan


def test_the_probe_does_what_it_says(tmp_path: Path) -> None:
    tier = probe(tmp_path / "mnt")
    assert tier.text.startswith(tier.kind)
    assert tier.namespaces == (tier.kind is not TierKind.RLIMITS)
    assert (tier.cgroups is not None) == (tier.kind is TierKind.CGROUP)
    assert bool(tier.warnings) == (tier.kind is not TierKind.CGROUP)


def test_a_machine_that_forbids_namespaces_is_said_to_isolate_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    refusing = tmp_path / "refuse.py"
    refusing.write_text("import sys\nsys.exit('unshare(1): Operation not permitted')\n")
    monkeypatch.setattr(isolation.launcher, "BOOTSTRAP", str(refusing))
    tier = probe(tmp_path / "mnt")
    assert tier.kind is TierKind.RLIMITS
    assert not tier.namespaces
    assert "MODELS ARE NOT ISOLATED" in tier.text
    assert "Operation not permitted" in tier.text
    assert tier.users is None


def test_a_machine_that_is_too_busy_to_answer_in_time_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It was taken for one that isolates nothing, and models ran as root for that."""
    tried, run = [], subprocess.run

    def busy_once(*words: Any, **options: Any) -> Any:
        tried.append(words)
        if len(tried) == 1:
            raise subprocess.TimeoutExpired("confined", options["timeout"])
        return run(*words, **options)

    expected = probe(tmp_path / "mnt").kind
    monkeypatch.setattr(subprocess, "run", busy_once)
    assert probe(tmp_path / "mnt").kind is expected
    assert len(tried) == 2


def test_the_errands_user_is_no_instances() -> None:
    assert Users(100, 10).errands == 109


def test_a_plan_reaches_the_confined_process_by_no_argument() -> None:
    plan = replace(SandboxPlan(root="/r"), uid=5, environment={"UV_INDEX": "https://me:hunter2@x"})
    with isolation.confined(plan, "/bin/true", "x y") as (words, descriptor):
        assert words[-3:] == [str(descriptor), "/bin/true", "x y"]
        assert "hunter2" not in " ".join(words)
        with open(descriptor, closefd=False) as file:
            assert SandboxPlan.from_json(json.load(file)) == plan


def test_as_root_a_machine_without_a_filter_of_system_calls_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(isolation.seccomp, "known", lambda: False)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    tier = probe(tmp_path / "mnt")
    assert not tier.namespaces or "user namespaces" in tier.warnings[0]
