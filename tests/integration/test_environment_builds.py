"""A real build of an environment of nothing, and who hears of it."""

import asyncio
import dataclasses
import fcntl
import os
import shutil
import threading
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from hostler.app import processes
from hostler.backends.process import configured
from hostler.backends.process.environments import EnvironmentBuildError, Environments
from hostler.backends.process.pip_settings import Sources
from hostler.domain.config import AddedRuntime, Runtimes
from hostler.domain.layout import Layout
from process_world import PLAIN
from wheels import wheel


def test_all_who_wait_for_a_build_hear_of_it_and_one_environment_is_built(tmp_path: Path) -> None:
    announced: list[str] = []
    environments = Environments(tmp_path, announced.append)
    first: list[str] = []
    second: list[str] = []
    lock = environments.path(PLAIN).with_name(environments.path(PLAIN).name + ".lock")
    lock.parent.mkdir(parents=True)

    async def story() -> None:
        with lock.open("w") as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            one = asyncio.create_task(environments.ensure(PLAIN, first.append))
            async with asyncio.timeout(60):
                while not first:
                    await asyncio.sleep(0.01)
            two = asyncio.create_task(environments.ensure(PLAIN, second.append))
            async with asyncio.timeout(60):
                while not second:
                    await asyncio.sleep(0.01)
        assert await one == await two == environments.built(PLAIN)
        assert await environments.ensure(PLAIN, second.append) == await one

    asyncio.run(story())
    assert first[0] == "another process is building the generic environment"
    assert second[0] == "the generic environment is being built"
    assert first[1:] == second[1:]
    assert second[-1] == "built the generic environment"
    assert [line.split()[0] for line in announced] == ["building", "built"]


def test_the_control_process_builds_on_its_own_loop_what_others_may_read(tmp_path: Path) -> None:
    environments = Environments(tmp_path)
    usual = os.umask(0o077)  # as the control process runs

    async def story() -> None:
        await environments.ensure(PLAIN)

    try:
        processes.run(Layout(tmp_path), story())
    finally:
        os.umask(usual)
    built = environments.built(PLAIN)
    assert built is not None
    for path in (built.root, built.root / "bin", built.root / "requirements.lock", built.python):
        assert path.stat().st_mode & 0o004, path


def test_a_wheel_of_other_bytes_than_the_locks_is_not_installed(tmp_path: Path) -> None:
    wheel(tmp_path / "wheels", "hostlertestlocked")
    (built,) = (tmp_path / "wheels").iterdir()
    environments = Environments(tmp_path, sources=Sources(find_links=(str(tmp_path / "wheels"),)))
    for digest, is_built in (("0" * 64, False), (sha256(built.read_bytes()).hexdigest(), True)):
        lock = f"hostlertestlocked==1.5 \\\n    --hash=sha256:{digest}\n"
        runtime = dataclasses.replace(PLAIN, lock=lock)
        if is_built:
            assert asyncio.run(environments.ensure(runtime)).python.exists()
            continue
        with pytest.raises(EnvironmentBuildError, match=r"(?i)hash"):
            asyncio.run(environments.ensure(runtime))


def test_what_a_killed_build_left_goes_with_the_next_one_of_any_runtime(tmp_path: Path) -> None:
    environments = Environments(tmp_path)
    final = environments.path(PLAIN)
    killed = final.with_name("gone-0123.part")
    going_on = final.with_name("other-4567.part")
    for part in (killed, going_on):
        (part / "bin").mkdir(parents=True)
    with going_on.with_name("other-4567.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        asyncio.run(environments.ensure(PLAIN))
    assert not killed.exists()
    assert going_on.exists()


def test_what_a_failed_build_left_is_deleted_in_a_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tens of thousands of files held up the control process for seconds."""
    threads: list[threading.Thread] = []
    remove = shutil.rmtree

    def recorded(*words: Any, **options: Any) -> None:
        threads.append(threading.current_thread())
        remove(*words, **options)

    monkeypatch.setattr(shutil, "rmtree", recorded)
    broken = dataclasses.replace(PLAIN, python=str(tmp_path / "no-python"))
    with pytest.raises(EnvironmentBuildError):
        asyncio.run(Environments(tmp_path).ensure(broken))
    assert len(threads) == 2
    assert threading.main_thread() not in threads
    assert not list(tmp_path.glob("runtimes/*.part"))


def test_an_added_runtime_is_resolved_with_the_find_links_that_are_set(tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    wheel(wheels, "hostler_probe_a", "hostler-probe-b")
    wheel(wheels, "hostler_probe_b")
    added = AddedRuntime(requirements=("hostler-probe-a",), preload=("hostler_probe_b",))
    settings = Runtimes(add={"own": added}, find_links=(str(wheels),))
    runtime = configured.runtimes(settings).named("own")
    environments = Environments(tmp_path / "cache", sources=Sources.of(settings))
    environment = asyncio.run(environments.ensure(runtime))
    assert list(environment.root.glob("lib/python3*/site-packages/hostler_probe_b.py"))
    existing = Runtimes(add={"mine": AddedRuntime(environment=str(environment.root))})
    mine = configured.runtimes(existing).named("mine")
    assert asyncio.run(environments.ensure(mine)).root == environment.root


def test_an_environment_that_is_not_there_is_said(tmp_path: Path) -> None:
    added = AddedRuntime(environment=str(tmp_path / "gone"))
    runtime = configured.runtimes(Runtimes(add={"mine": added})).named("mine")
    with pytest.raises(EnvironmentBuildError, match="gone is no environment: it has no bin/python"):
        asyncio.run(Environments(tmp_path).ensure(runtime))


def test_requirements_whose_file_is_gone_are_said(tmp_path: Path) -> None:
    added = AddedRuntime(requirements_file=str(tmp_path / "gone.txt"))
    runtime = configured.runtimes(Runtimes(add={"mine": added})).named("mine")
    with pytest.raises(EnvironmentBuildError, match=r"gone\.txt"):
        asyncio.run(Environments(tmp_path).ensure(runtime))
