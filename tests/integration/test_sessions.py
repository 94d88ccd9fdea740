"""Temporary credentials of a running Hostler: control, gateway and S3 take what boto3 signs."""

import json
import sqlite3
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import partial
from typing import Any

import boto3
import pytest
import urllib3
from botocore.config import Config
from botocore.exceptions import ClientError

from archives import ECHO, script
from deploying import deploy
from hostler.aws import tokens
from hostler.domain.grants import Grant
from hostler.vault.sealing import Vault
from refusals import refused
from running import ACCOUNT, BUCKET, PREFIX, Running, eventually, hostler

ROLE = f"arn:aws:iam::{ACCOUNT}:role/apps/App"
INVOCATION = {
    "EndpointName": f"{PREFIX}echo-ep",
    "ContentType": "application/json",
    "Body": b"[1]",
}
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["sagemaker:InvokeEndpoint", "sagemaker:ListModels", "s3:*"],
            "Resource": "*",
        }
    ],
}


class Stage:
    """A Hostler with an endpoint, and the role App, which a user may assume."""

    def __init__(self, server: Running) -> None:
        self.server = server
        self.iam = server.client("iam")
        deploy(server, "echo", script(ECHO))
        user = self.iam.create_user(UserName="ann")["User"]
        self.iam.get_waiter("user_exists").wait(UserName="ann")
        statement = {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"AWS": user["Arn"]},
        }
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.iam.create_role(RoleName="App", Path="/apps/", AssumeRolePolicyDocument=trust)
        self.iam.get_waiter("role_exists").wait(RoleName="App")
        self.allow(POLICY)
        key = self.iam.create_access_key(UserName="ann")["AccessKey"]
        self.ann = {
            "AccessKeyId": key["AccessKeyId"],
            "SecretAccessKey": key["SecretAccessKey"],
        }

    def allow(self, policy: Any) -> None:
        self.iam.put_role_policy(
            RoleName="App", PolicyName="app", PolicyDocument=json.dumps(policy)
        )

    def client(self, service: str, credentials: Mapping[str, Any], **config: Any) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.server.url,
            region_name="ap-southeast-1",
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials.get("SessionToken"),
            config=Config(retries={"total_max_attempts": 1}, **config),
        )

    def assume(self, **params: Any) -> dict[str, Any]:
        sts = self.client("sts", self.ann)
        answer = sts.assume_role(RoleArn=ROLE, RoleSessionName="job", **params)
        return dict(answer["Credentials"])

    def forged(self, **said: Any) -> dict[str, Any]:
        """A session as no caller gets one: with the server's own key."""
        with closing(sqlite3.connect(self.server.home / "hostler.db")) as database:
            ((sealed,),) = database.execute("SELECT secret FROM iam_session_keys").fetchall()
        key = Vault(self.server.home / "secrets.key").open(sealed, "session tokens")
        role_id = self.iam.get_role(RoleName="App")["Role"]["RoleId"]
        now = time.time()
        given = {"issued": now - 1_000, "expires": now + 100, "session_name": "job", **said}
        grant = Grant("ASIAFORGEDFORGEDFORG", "secret", role_id, **given)
        return {
            "AccessKeyId": grant.access_key_id,
            "SecretAccessKey": grant.secret,
            "SessionToken": tokens.seal(key, grant, b"n" * 12),
        }


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with hostler() as server:
        yield Stage(server)


def refusal(call: Any, **params: Any) -> tuple[int, str]:
    told = refused(call, **params)
    return told["ResponseMetadata"]["HTTPStatusCode"], told["Error"]["Code"]


def _denied(call: Any, **params: Any) -> bool:
    try:
        call(**params)
    except ClientError as error:
        return "AccessDenied" in error.response["Error"]["Code"]
    return False


def test_a_session_is_known_in_every_plane(stage: Stage) -> None:
    credentials = stage.assume()
    identity = stage.client("sts", credentials).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/App/job"
    assert identity["UserId"].endswith(":job")
    runtime = stage.client("sagemaker-runtime", credentials)
    for _ in range(3):
        assert runtime.invoke_endpoint(**INVOCATION)["Body"].read() == b"[1]"
    stage.client("sagemaker", credentials).list_models()
    assert refusal(stage.client("iam", credentials).list_users) == (403, "AccessDenied")
    s3 = stage.client("s3", credentials)
    s3.put_object(Bucket=BUCKET, Key="of/session", Body=b"x" * 100_000)
    for version in ("s3v4", "s3"):
        signer = stage.client("s3", credentials, signature_version=version)
        url = signer.generate_presigned_url(
            "get_object", Params={"Bucket": BUCKET, "Key": "of/session"}
        )
        with urllib.request.urlopen(url) as answer:
            assert len(answer.read()) == 100_000


def test_a_form_is_taken_from_a_session_until_it_ends(stage: Stage) -> None:
    def sent(credentials: Mapping[str, Any]) -> urllib3.BaseHTTPResponse:
        signer = stage.client("s3", credentials, signature_version="s3v4")
        form = signer.generate_presigned_post(BUCKET, "by/form")
        fields = [*form["fields"].items(), ("file", ("name", b"x"))]
        body, kind = urllib3.encode_multipart_formdata(fields)
        with urllib3.PoolManager() as pool:
            return pool.request("POST", form["url"], body=body, headers={"content-type": kind})

    assert sent(stage.assume()).status == 204
    ended = sent(stage.forged(expires=time.time() - 1))
    assert (ended.status, b"<Code>ExpiredToken</Code>" in ended.data) == (400, True)


def test_a_session_policy_limits_in_every_plane(stage: Stage) -> None:
    only = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}
    limited = stage.assume(Policy=json.dumps({"Version": "2012-10-17", "Statement": [only]}))
    s3 = stage.client("s3", limited)
    s3.list_objects_v2(Bucket=BUCKET)
    assert refusal(s3.get_object, Bucket=BUCKET, Key="x") == (403, "AccessDenied")
    invoke = stage.client("sagemaker-runtime", limited).invoke_endpoint
    assert refusal(invoke, **INVOCATION) == (400, "AccessDeniedException")
    models = stage.client("sagemaker", limited).list_models
    assert refusal(models) == (400, "AccessDeniedException")


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        (
            {"expires": 1.0},
            ["ExpiredTokenException", "ExpiredTokenException", "ExpiredToken", "ExpiredToken"],
        ),
        (
            {"SessionToken": "none"},
            [
                "UnrecognizedClientException",
                "UnrecognizedClientException",
                "InvalidClientTokenId",
                "InvalidToken",
            ],
        ),
        (
            {"SessionToken": None},
            [
                "UnrecognizedClientException",
                "UnrecognizedClientException",
                "InvalidClientTokenId",
                "InvalidAccessKeyId",
            ],
        ),
    ],
)
def test_what_is_no_session_is_told_in_each_services_words(
    stage: Stage, change: dict[str, Any], codes: list[str]
) -> None:
    credentials = stage.forged(**change) if "expires" in change else {**stage.forged(), **change}
    found = [
        refusal(stage.client("sagemaker-runtime", credentials).invoke_endpoint, **INVOCATION),
        refusal(stage.client("sagemaker", credentials).list_models),
        refusal(stage.client("sts", credentials).get_caller_identity),
        refusal(stage.client("s3", credentials).list_buckets),
    ]
    assert [code for _, code in found] == codes
    assert [status for status, _ in found[:3]] == [403, 400, 403]


def test_what_is_taken_from_the_role_is_taken_from_its_sessions(stage: Stage) -> None:
    credentials = stage.assume()
    invoke = stage.client("sagemaker-runtime", credentials).invoke_endpoint
    invoke(**INVOCATION)
    condition = {"DateLessThan": {"aws:TokenIssueTime": "2100-01-01T00:00:00Z"}}
    revoked = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}
    stage.allow({**POLICY, "Statement": [*POLICY["Statement"], revoked]})
    try:
        denied = partial(_denied, invoke, **INVOCATION)
        eventually("the gateway knows", denied, within_s=5.0)
        s3 = stage.client("s3", credentials)
        eventually("S3 knows", partial(_denied, s3.list_objects_v2, Bucket=BUCKET), within_s=5.0)
    finally:
        stage.allow(POLICY)
    eventually("it may again", lambda: not denied())


def test_a_users_own_session(stage: Stage) -> None:
    credentials = stage.client("sts", stage.ann).get_session_token()["Credentials"]
    identity = stage.client("sts", credentials).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/ann"
    iam = stage.client("iam", credentials)
    assert refusal(iam.get_user) == (403, "InvalidClientTokenId")
    answer = stage.client("sts", credentials).assume_role(RoleArn=ROLE, RoleSessionName="job")
    runtime = stage.client("sagemaker-runtime", answer["Credentials"])
    assert runtime.invoke_endpoint(**INVOCATION)["Body"].read() == b"[1]"


def test_the_last_use_of_a_key_is_told_by_each_plane(stage: Stage) -> None:
    for service, call in (
        ("sts", lambda client: client.get_caller_identity()),
        ("s3", lambda client: client.list_buckets()),
        ("sagemaker", lambda client: client.invoke_endpoint(**INVOCATION)),
    ):
        stage.iam.create_user(UserName=f"of-{service}")
        allowed = json.dumps(POLICY)
        stage.iam.put_user_policy(UserName=f"of-{service}", PolicyName="p", PolicyDocument=allowed)
        key = stage.iam.create_access_key(UserName=f"of-{service}")["AccessKey"]
        name = "sagemaker-runtime" if service == "sagemaker" else service
        for _ in range(3):
            call(stage.client(name, key))
        ask = partial(stage.iam.get_access_key_last_used, AccessKeyId=key["AccessKeyId"])
        eventually(
            f"{service} tells",
            lambda ask=ask: "LastUsedDate" in ask()["AccessKeyLastUsed"],  # type: ignore[misc]
        )
        told = ask()
        assert told["UserName"] == f"of-{service}"
        used = told["AccessKeyLastUsed"]
        assert (used["ServiceName"], used["Region"]) == (service, "ap-southeast-1")


def test_a_session_outlives_control_and_is_served_without_it(stage: Stage) -> None:
    credentials = stage.assume()
    stage.server.kill("control")
    runtime = stage.client("sagemaker-runtime", credentials)
    assert runtime.invoke_endpoint(**INVOCATION)["Body"].read() == b"[1]"
    identity = stage.client("sts", credentials).get_caller_identity
    eventually("control knows it again", lambda: identity()["Arn"].endswith("/job"))


def test_a_profile_that_assumes_a_role(stage: Stage, tmp_path: Any, monkeypatch: Any) -> None:
    """As `role_arn` and `source_profile` of ~/.aws/config say it."""
    config, shared = tmp_path / "config", tmp_path / "credentials"
    config.write_text(
        f"[profile app]\nrole_arn = {ROLE}\nsource_profile = ann\n"
        f"region = ap-southeast-1\nendpoint_url = {stage.server.url}\n"
        f"[profile ann]\nendpoint_url = {stage.server.url}\n"
    )
    shared.write_text(
        f"[ann]\naws_access_key_id = {stage.ann['AccessKeyId']}\n"
        f"aws_secret_access_key = {stage.ann['SecretAccessKey']}\n"
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(shared))
    monkeypatch.setenv("AWS_ENDPOINT_URL", stage.server.url)
    session = boto3.Session(profile_name="app")
    assert ":assumed-role/App/" in session.client("sts").get_caller_identity()["Arn"]
    runtime = session.client("sagemaker-runtime")
    assert runtime.invoke_endpoint(**INVOCATION)["Body"].read() == b"[1]"
