"""The commands that speak to a running Hostler, as a person types them."""

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from archives import ECHO, script
from deploying import deploy, settled
from hostler.cli.keyring import KeyRing
from hostler.cli.main import main
from hostler.toolkit import policies
from running import ACCOUNT, BUCKET, PREFIX, REGION, Running, eventually, hostler

pytestmark = pytest.mark.xdist_group("cli")

ECHO_EP, FAILED_EP, ANGRY_EP = (f"{PREFIX}{name}-ep" for name in ("echo", "failed", "angry"))
NEARLY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/sagemaker-scikit-learn:1.7-1"
ANGRY = """
def model_fn(model_dir):
    print("[bold]loaded[/]", flush=True)

def predict_fn(data, model):
    raise ValueError("the weights are\\nsour")
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with hostler() as running:
        deploy(running, "echo", script(ECHO), image=NEARLY, wait=False)
        deploy(running, "angry", script(ANGRY), wait=False)
        deploy(running, "failed", script("import nobody_has_this\n"), wait=False)
        for endpoint in (ECHO_EP, ANGRY_EP, FAILED_EP):
            settled(running, endpoint)
        yield running


@dataclass(frozen=True)
class Typed:
    """Types command lines, in this process: a new one would load boto3 each time."""

    server: Running
    output: pytest.CaptureFixture[str]
    patch: pytest.MonkeyPatch

    def run(self, *words: str, code: int = 0) -> tuple[str, str]:
        """What a command wrote to standard output and to standard error."""
        self.output.readouterr()
        words = ("hostler", *words, "--data-dir", str(self.server.home))
        self.patch.setattr(sys, "argv", list(words))
        with pytest.raises(SystemExit) as end:
            main()
        captured = self.output.readouterr()
        assert int(end.value.code or 0) == code, captured
        return captured.out, captured.err

    def out(self, *words: str) -> str:
        return self.run(*words)[0]

    def document(self, *words: str) -> Any:
        return json.loads(self.out(*words, "--json"))

    def error(self, *words: str) -> str:
        """The one line of a command that fails with 1."""
        out, err = self.run(*words, code=1)
        assert not out
        assert err.startswith("hostler: ")
        assert err.count("\n") == 1
        return err


@pytest.fixture
def typed(
    server: Running, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Typed:
    return Typed(server, capfd, monkeypatch)


# status


def test_status_tells_people_what_runs_and_what_serves(server: Running, typed: Typed) -> None:
    text = typed.out("status")
    assert f"http://127.0.0.1:{server.port} ready" in text
    for words in (
        "isolation  ",
        "network    one machine is one network: VpcConfig is checked and echoed",
        "control ",
        "gateway-0 ",
        ", nearest to 1.7-1",
        "AllTraffic 1/1",
        "nobody_has_this",
    ):
        assert words in text


def test_status_tells_machines_the_same(typed: Typed) -> None:
    facts = typed.document("status")
    assert facts["state"] == "ready"
    assert facts["ready"] is True
    assert {"control", "s3", "gateway-0"} <= {child["name"] for child in facts["children"]}
    endpoints = {each["name"]: each for each in facts["endpoints"]}
    assert endpoints[ECHO_EP]["status"] == "InService"
    (runtime,) = endpoints[ECHO_EP]["runtimes"]
    assert runtime.endswith(", nearest to 1.7-1")
    (variant,) = endpoints[ECHO_EP]["variants"]
    assert variant == {
        "name": "AllTraffic",
        "instances": 1,
        "desired": 1,
        "reason": "",
        "serverless": False,
        "shadow": False,
    }
    assert endpoints[FAILED_EP]["status"] == "Failed"
    assert "nobody_has_this" in endpoints[FAILED_EP]["reason"]


def test_env_takes_root_by_its_name_too(typed: Typed) -> None:
    assert typed.document("env", "--as", "root") == typed.document("env")


# invoke


def test_invoke_prints_the_answer_and_says_who_gave_it(typed: Typed, tmp_path: Path) -> None:
    body = '{"a": [1, "ä"]}'
    out, err = typed.run("invoke", ECHO_EP, "--body", body)
    assert json.loads(out) == json.loads(body)
    assert "application/json from AllTraffic in" in err

    file = tmp_path / "body.json"
    file.write_text(body)
    assert json.loads(typed.out("invoke", ECHO_EP, "--body", f"@{file}")) == {"a": [1, "ä"]}

    facts = typed.document("invoke", ECHO_EP, "--body", "[1]")
    assert json.loads(facts.pop("body")) == [1]
    assert facts.pop("took_ms") > 0
    assert facts == {"content_type": "application/json", "variant": "AllTraffic"}


def test_invoke_takes_standard_input(server: Running) -> None:
    words = [sys.executable, "-m", "hostler.cli.main", "invoke", ECHO_EP, "--body", "-"]
    done = subprocess.run(
        [*words, "--as", "caller", "--data-dir", str(server.home)],
        input=b"[1, 2]",
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout) == [1, 2]


def test_a_models_error_is_its_own_status_and_message_and_the_way_to_its_log(typed: Typed) -> None:
    line = typed.error("invoke", ANGRY_EP, "--body", "[1]")
    assert "the model answered 500:" in line
    assert "the weights are sour" in line
    assert f"`hostler logs {ANGRY_EP}`" in line


def test_what_cannot_be_invoked_is_said_with_its_state(typed: Typed) -> None:
    line = typed.error("invoke", "nobody", "--body", "1")
    assert "Endpoint nobody of account 123456789012 not found" in line
    assert "`hostler status`" in line
    line = typed.error("invoke", FAILED_EP, "--body", "1")
    assert f"{FAILED_EP} is Failed" in line
    assert "nobody_has_this" in line
    line = typed.error("invoke", ECHO_EP.upper(), "--body", "1")
    assert f"It is called {ECHO_EP}: a call must match the case" in line
    line = typed.error("invoke", ECHO_EP, "--body", "1", "--variant", "Blue")
    assert "Blue" in line
    assert "InService" not in line, "its state is not why"
    line = typed.error("invoke", ECHO_EP, "--body", "1", "--content-type", "tëxt")
    assert line.endswith("*\n")
    assert "--body @/nowhere" in typed.error("invoke", ECHO_EP, "--body", "@/nowhere")


# logs


def test_logs_are_an_endpoints_own_lines(typed: Typed) -> None:
    text = eventually(
        "the line is carried",
        lambda: (text := typed.out("logs", ANGRY_EP)) and "loaded" in text and text,
    )
    line, *_ = [each for each in text.splitlines() if "loaded" in each]
    assert line.endswith("[bold]loaded[/]")  # a model's brackets are its own
    assert " AllTraffic/i-" in line
    events = [json.loads(each) for each in typed.out("logs", ANGRY_EP, "--json").split("\n")[:-1]]
    assert any(event["message"] == "[bold]loaded[/]" for event in events)


def test_logs_of_nobody_are_said(typed: Typed) -> None:
    line = typed.error("logs", "nobody")
    assert f"no endpoint and no log named nobody in {REGION}" in line
    assert typed.error("logs", "nobody", "-f") == line


def test_logs_go_on_until_interrupted(server: Running, typed: Typed) -> None:
    words = [sys.executable, "-m", "hostler.cli.main", "logs", ANGRY_EP, "-f"]
    with subprocess.Popen(
        [*words, "--data-dir", str(server.home)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as following:
        assert following.stdout is not None
        lines = iter(following.stdout.readline, b"")
        assert any(b"loaded" in line for line in lines)
        typed.error("invoke", ANGRY_EP, "--body", "[1]")
        assert any(b"sour" in line for line in lines)
        following.send_signal(signal.SIGINT)
        try:
            out, err = following.communicate(timeout=120)
        finally:
            following.kill()
    assert following.returncode == 130
    assert not err
    assert b"loaded" not in out


# env


def test_the_exports_work_in_a_shell_for_every_user(server: Running) -> None:
    call = (
        "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'], "
        "boto3.client('s3').meta.region_name)"
    )
    hostler_env = f"{sys.executable} -m hostler.cli.main env --data-dir {server.home}"
    for who, arn in (
        ("", "root"),
        ("--as deployer", f"user/{PREFIX}deployer"),
        (f"--as {PREFIX}caller", f"user/{PREFIX}caller"),
    ):
        text = f'eval "$({hostler_env} {who})" && {sys.executable} -c {shlex.quote(call)}'
        environ = {**os.environ, "AWS_SESSION_TOKEN": "x", "AWS_ENDPOINT_URL_STS": "http://[::1]:1"}
        done = subprocess.run(
            ["/bin/sh", "-uc", text], capture_output=True, text=True, env=environ, check=True
        )
        assert done.stdout.split() == [f"arn:aws:iam::{ACCOUNT}:{arn}", REGION]


def test_the_export_of_the_sdks_settings_names_the_projects_bucket(typed: Typed) -> None:
    exports = typed.document("env", "--as", "deployer")
    assert BUCKET in Path(exports["SAGEMAKER_USER_CONFIG_OVERRIDE"]).read_text()


def test_a_user_without_a_key_is_said_with_those_who_have_one(typed: Typed) -> None:
    line = typed.error("env", "--as", "somebody")
    assert f"known: {PREFIX}deployer, {PREFIX}caller" in line


# bootstrap

PROJECT = ("--company", "acme", "--team", "rc", "--project", "project-a")


def test_bootstrap_again_changes_nothing_and_mends_what_is_missing(
    server: Running, typed: Typed
) -> None:
    """Half-done states: a policy, a role's trust and a user are gone or altered."""
    before = typed.document("bootstrap", *PROJECT)
    assert typed.document("bootstrap", *PROJECT) == before

    iam, deployer = server.client("iam"), f"{PREFIX}deployer"
    iam.delete_user_policy(UserName=deployer, PolicyName=policies.COMPLETION)
    role = before["role_arn"].rpartition("/")[2]
    other = json.dumps(policies.trust()).replace("sagemaker.", "lambda.")
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=other)
    iam.delete_role_policy(RoleName=role, PolicyName="Inference")

    assert typed.document("bootstrap", *PROJECT) == before
    assert set(iam.list_user_policies(UserName=deployer)["PolicyNames"]) == {
        "EndpointManagement",
        policies.COMPLETION,
    }
    assert iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"] == policies.trust()
    assert iam.list_role_policies(RoleName=role)["PolicyNames"] == ["Inference"]


def test_a_key_that_was_deleted_behind_our_back_is_said_and_made_anew(
    server: Running, typed: Typed
) -> None:
    iam, caller = server.client("iam"), f"{PREFIX}caller"
    key = KeyRing(server.home).find(caller)
    iam.delete_access_key(UserName=caller, AccessKeyId=key.access_key_id)
    line = typed.error("invoke", ECHO_EP, "--body", "[1]", "--as", "caller")
    assert "`hostler bootstrap` makes a user a new one" in line

    _, err = typed.run("bootstrap", *PROJECT)
    new = KeyRing(server.home).find(caller)
    assert new.access_key_id != key.access_key_id
    assert f"user {caller} (AllowInvokeEndpoint), new key {new.access_key_id}" in err
    assert typed.out("invoke", ECHO_EP, "--body", "[1]", "--as", "caller") == "[1]"


def test_keys_whose_secrets_were_lost_make_room_for_one_that_is_kept(
    server: Running, typed: Typed
) -> None:
    iam, caller = server.client("iam"), f"{PREFIX}caller"
    (server.home / "keys.json").unlink()
    typed.run("bootstrap", *PROJECT)
    assert len(iam.list_access_keys(UserName=caller)["AccessKeyMetadata"]) == 2
    kept = KeyRing(server.home).find(caller).access_key_id
    iam.update_access_key(UserName=caller, AccessKeyId=kept, Status="Inactive")
    _, err = typed.run("bootstrap", *PROJECT)
    assert f"in place of {kept}" in err  # the inactive one goes before the older one
    new = KeyRing(server.home).find(caller).access_key_id
    keys = iam.list_access_keys(UserName=caller)["AccessKeyMetadata"]
    assert new in {key["AccessKeyId"] for key in keys if key["Status"] == "Active"}
    assert len(keys) == 2


def test_an_account_that_does_not_exist_is_refused(typed: Typed) -> None:
    line = typed.error("bootstrap", *PROJECT, "--account", "210987654321")
    assert "`hostler account create 210987654321" in line
    typed.run("bootstrap", *PROJECT, "--account", ACCOUNT)


def test_a_second_project_has_users_of_its_own_and_may_be_in_another_region(
    server: Running, typed: Typed
) -> None:
    words = ("--company", "acme", "--team", "rc", "--project", "project-b")
    out = typed.out("bootstrap", *words, "--region", "eu-west-1")
    assert "env --data-dir" in out
    assert "--as rc-project-b-deployer" in out
    line = typed.error("env", "--as", "deployer")
    assert "rc-project-a-deployer, rc-project-b-deployer: name the user with --as" in line

    exports = server.exports("rc-project-b-deployer")
    assert exports["AWS_REGION"] == "eu-west-1"
    location = server.client("s3").get_bucket_location(Bucket="acme-sm-rc-project-b")
    assert location["LocationConstraint"] == "eu-west-1"
    listed = server.client("sagemaker", "rc-project-b-deployer").list_endpoints()
    assert listed["Endpoints"] == []


# what else can go wrong


def test_a_killed_control_plane_leaves_status_its_words(server: Running, typed: Typed) -> None:
    """`status` shows what it can learn; nothing is a traceback."""
    pid = server.pid("control")
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        text, _err = typed.run("status", code=1)
        assert "degraded" in text
        facts = json.loads(typed.run("status", "--json", code=1)[0])
        assert (facts["state"], facts["ready"]) == ("degraded", False)
        assert "control does not answer" in text
        assert typed.out("invoke", ECHO_EP, "--body", "[1]") == "[1]"
    finally:
        os.kill(pid, signal.SIGCONT)
    eventually("it is ready again", lambda: server.status()["ready"])


def test_root_gets_a_new_key_by_a_restart_when_its_own_was_deleted(
    server: Running, typed: Typed
) -> None:
    key = KeyRing(server.home).find(None).access_key_id
    server.client("iam").delete_access_key(AccessKeyId=key)
    assert "root's key was deleted, a restart makes a new one" in typed.out("status")
    line = typed.error("invoke", ECHO_EP, "--body", "1")
    assert "a restart of Hostler makes root one" in line
    server.down()
    server.up()
    assert KeyRing(server.home).find(None).access_key_id != key
    names = [each["name"] for each in server.status()["endpoints"]]
    assert ECHO_EP in names


def test_commands_to_a_hostler_that_is_down_say_how_to_start_it(
    server: Running, typed: Typed
) -> None:
    server.down()
    for words in (("invoke", ECHO_EP, "--body", "1"), ("logs", ECHO_EP), ("bootstrap", *PROJECT)):
        line = typed.error(*words)
        assert f"nobody answers at http://127.0.0.1:{server.port}" in line
        assert "`hostler up`" in line
    line = typed.error("status")
    assert (
        f"not running on {server.home}: start it with `hostler up --data-dir {server.home}`" in line
    )
    assert "export AWS_ACCESS_KEY_ID=" in typed.out("env")
