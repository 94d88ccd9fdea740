"""Settings of a running Hostler: read again while it serves, and what only a start changes."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from running import GENERIC_IMAGE, ROLE, Running, eventually, free_port, hostler

OF_A_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)
"""A session's first process takes the terminal that it is given."""

BUCKET_SCRIPT = """
import boto3
s3 = boto3.client("s3")
s3.create_bucket(
    Bucket="from-init", CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name}
)
s3.put_object(Bucket="from-init", Key="k")
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with hostler() as running:
        yield running


def _settings(server: Running, text: str) -> None:
    (server.home / "hostler.toml").write_text(text)


def _create_model(server: Running, name: str) -> None:
    container = {"Image": GENERIC_IMAGE}
    server.client("sagemaker").create_model(
        ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE
    )


def test_sighup_has_quotas_read_again_and_no_tool_s_call_fails(server: Running) -> None:
    failed: list[Exception] = []
    over = threading.Event()

    def call() -> None:
        again = {"total_max_attempts": 8, "mode": "standard"}  # as every AWS tool does
        client = server.client("sagemaker", retries=again)
        while not over.is_set():
            try:
                client.list_models()
            except (ClientError, BotoCoreError) as error:
                failed.append(error)

    caller = threading.Thread(target=call)
    caller.start()
    try:
        before = server.pid("control")
        _settings(server, "[quotas]\nmodels = 0\n[server]\ngateways = 2\n")
        os.kill(int((server.home / "hostler.lock").read_text()), signal.SIGHUP)
        eventually("control is another one", lambda: server.pid("control") not in (None, before))
        eventually("it is ready again", lambda: server.status()["ready"])
        with pytest.raises(ClientError, match=r"ResourceLimitExceeded.*is 0 "):
            _create_model(server, "one-too-many")
    finally:
        over.set()
        caller.join()
    assert not failed
    assert "quotas.models; server.gateways waits" in (server.home / "up.log").read_text()
    children = {each["name"]: each for each in server.status()["children"]}
    assert children["control"]["restarts"] == 0, "it was asked to: that is no failure"


def test_reload_says_what_changed_and_what_waits(server: Running) -> None:
    _settings(server, "[quotas]\nmodels = 7\n[server]\ngateways = 2\n")
    answer = json.loads(server.run("config", "reload", "--json").stdout)
    assert answer["changed"] == ["quotas.models"]
    assert answer["waiting"] == ["server.gateways"]
    assert answer["restarted"] == ["control"]
    shown = json.loads(server.run("config", "show", "--json").stdout)
    assert shown["not_running_with"] == ["server.gateways"]
    file = f"{server.home}/hostler.toml"
    assert answer["file"] == shown["reload_reads"] == file
    assert shown["settings"]["quotas.models"] == {"value": 7, "from": f"{file}:2"}
    _create_model(server, "fits")


def test_a_file_that_the_running_one_does_not_read_is_told_from_its_own(
    server: Running, tmp_path: Path
) -> None:
    _settings(server, "[quotas]\nmodels = 8\n")
    other = tmp_path / "hostler.toml"
    other.write_text("[quotas]\nmodels = 9\n")
    assert f"read  {server.home}/hostler.toml\n" in server.run("config", "reload").stdout
    shown = server.run("config", "show", "--config", str(other)).stdout
    assert f"runs with {server.home}/hostler.toml: a reload reads that, a start this" in shown
    assert "other values of quotas.models: start again\n" in shown


def test_settings_that_are_wrong_change_nothing(server: Running) -> None:
    before = server.pid("control")
    _settings(server, "[quotas]\nmodel = 7\n")
    done = server.run("config", "reload", check=False)
    assert done.returncode == 1
    assert "settings stay as they were" in done.stderr
    assert "hostler.toml:2: quotas.model is no setting: did you mean models?" in done.stderr
    checked = server.run("config", "check", "--json", check=False)
    assert checked.returncode == 1
    [problem] = json.loads(checked.stdout)["problems"]
    assert problem.endswith("did you mean models?")
    assert server.pid("control") == before
    (server.home / "hostler.toml").unlink()


def test_init_scripts_run_in_order_once_it_is_ready_and_a_failure_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "init/ready.d"
    folder.mkdir(parents=True)
    (tmp_path / "hostler.toml").write_text("[init]\ntimeout_s = 60\n")
    scripts = {
        "10-bucket.py": BUCKET_SCRIPT,
        "20-fails.sh": "echo what went wrong >&2\nexit 3\n",
        "30-after.sh": "hostler config show --json > after.json\n",
        "notes.txt": "none of them",
    }
    for name, text in scripts.items():
        (folder / name).write_text(text)
    with hostler("--config", str(tmp_path / "hostler.toml"), bootstrap=False) as server:
        assert server.status()["init"] is not None, "whoever waits for them can begin at once"
        eventually("they have ended", lambda: server.status()["init"]["state"] != "running", 180)
        ended = server.status()["init"]
        assert [(each["name"], each["state"]) for each in ended["scripts"]] == [
            ("10-bucket.py", "done"),
            ("20-fails.sh", "failed"),
            ("30-after.sh", "done"),
        ], server.process_logs()
        assert ended["state"] == "failed"
        assert ended["scripts"][1]["text"].startswith("status 3 after ")
        assert "what went wrong" in (server.home / "log/init.log").read_text()
        assert "init script 20-fails.sh failed: status 3" in (server.home / "up.log").read_text()
        assert "20-fails.sh failed: status 3" in server.run("status").stdout
        server.client("s3").head_object(Bucket="from-init", Key="k")
        shown = json.loads((folder / "after.json").read_text())
        assert shown["data_dir"] == str(server.home)
        assert shown["file"] == str(tmp_path / "hostler.toml")


def test_a_script_that_does_not_end_is_ended_by_down(tmp_path: Path) -> None:
    folder = tmp_path / "init/ready.d"
    folder.mkdir(parents=True)
    (folder / "1.sh").write_text("echo begun > begun\nsleep 600\n")
    (tmp_path / "hostler.toml").touch()
    with hostler("--config", str(tmp_path / "hostler.toml"), bootstrap=False) as server:
        eventually("it has begun", (folder / "begun").exists)
        assert server.status()["init"]["state"] == "running"
        server.down()


def test_a_terminal_that_is_closed_ends_up() -> None:
    """While SIGHUP alone reads settings again: under a service manager there is no terminal."""
    with tempfile.TemporaryDirectory(prefix="h-", dir="/tmp") as home:
        ours, theirs = pty.openpty()
        port = str(free_port())
        words = ("-m", "hostler.cli.main", "up", "--data-dir", home, "--port", port)
        process = subprocess.Popen(
            [sys.executable, "-c", OF_A_TERMINAL, *words],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        config = Path(home, "config.json")
        eventually("it runs", config.exists)
        eventually("it listens for signals", Path(home, "run/supervisor.sock").exists)
        process.send_signal(signal.SIGHUP)  # the terminal is there: settings are read again
        said = bytearray()

        def read_again() -> bool:
            if select.select([ours], [], [], 0)[0]:
                said.extend(os.read(ours, 4096))
            return b"settings were read again" in said

        eventually("settings are read again", read_again)
        os.close(ours)
        assert process.wait(60) == 0
