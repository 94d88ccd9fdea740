"""Wishes for accounts are looked for again, whatever one look met."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from hostler.app import account_folders, accounts
from hostler.domain.layout import Layout
from hostler.snapshot.clock import SystemClock
from hostler.store import schema
from hostler.store.database import Store
from hostler.vault.sealing import Vault


async def nothing(_what: str) -> None:
    pass


def test_a_folder_that_cannot_be_read_now_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    looks = 0

    async def twice() -> None:
        again = asyncio.Event()
        loop = asyncio.get_running_loop()

        def listed(_layout: Layout) -> list[str]:
            nonlocal looks
            looks += 1
            if looks == 2:
                loop.call_soon_threadsafe(again.set)
            raise OSError("too many open files")

        monkeypatch.setattr(account_folders, "listed", listed)
        monkeypatch.setattr(accounts, "LOOK_EVERY_S", 0.01)
        running = asyncio.create_task(
            accounts.Accounts(store, Layout(tmp_path), SystemClock(), nothing).run()
        )
        await asyncio.wait_for(again.wait(), 10)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running

    Layout(tmp_path).accounts.mkdir()
    store = Store.at(tmp_path / "hostler.db", tables=schema.metadata, vault=Vault())
    try:
        asyncio.run(twice())
    finally:
        store.close()
    assert "too many open files" in caplog.text


def test_a_wish_that_meets_a_defect_is_said_once_and_holds_up_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store.at(tmp_path / "hostler.db", tables=schema.metadata, vault=Vault())
    store.create_tables()
    layout = Layout(tmp_path)
    first, second = "111111111111", "222222222222"
    for account in (first, second):
        layout.account_root(account).parent.mkdir(parents=True)
    commits = 0

    async def committed(_what: str) -> None:
        nonlocal commits
        commits += 1
        if commits in {1, 3}:
            raise ZeroDivisionError("a defect")

    async def until_both() -> None:
        monkeypatch.setattr(accounts, "LOOK_EVERY_S", 0.01)
        further = accounts.Accounts(store, layout, SystemClock(), committed)
        running = asyncio.create_task(further.run())
        async with asyncio.timeout(10):
            while not layout.account_root(first).exists():
                await asyncio.sleep(0)
        assert layout.account_root(second).exists()
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running

    try:
        asyncio.run(until_both())
    finally:
        store.close()
    assert commits == 4
    assert caplog.text.count("ZeroDivisionError: a defect") == 1
