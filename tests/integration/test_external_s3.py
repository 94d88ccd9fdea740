"""An external S3 in the place of Hostler's: the reference server, one Hostler in front of it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
from botocore.exceptions import ClientError

import reference_s3
import s3_cases
from archives import ECHO, script
from deploying import deploy
from reference_s3 import Reference, reference_server
from running import BUCKET, PREFIX, ROLE, Running, free_port, hostler

HERE = "us-east-1"
REPRESENTATIVE = ("batches", "lists", "object-tags")
"""All of them are compared in tests/long."""


@pytest.fixture(scope="module")
def reference() -> Iterator[Reference]:
    with reference_server() as running:
        yield running


@pytest.fixture(scope="module")
def address(reference: Reference) -> str:
    return reference.address


@pytest.fixture(scope="module")
def server(address: str) -> Iterator[Running]:
    with hostler("--region", HERE, *reference_s3.settings(address)) as running:
        yield running


@pytest.fixture(scope="module")
def beyond(address: str) -> Any:
    """The external S3 itself."""
    return reference_s3.client(address, HERE)


@pytest.mark.parametrize("name", REPRESENTATIVE)
def test_what_is_asked_of_hostler_has_the_external_s3s_outcome(
    server: Running, beyond: Any, name: str
) -> None:
    through = s3_cases.record(server.client("s3"), name)
    for each in beyond.list_objects_v2(Bucket=f"case-{name}").get("Contents", ()):
        beyond.delete_object(Bucket=f"case-{name}", Key=each["Key"])
    beyond.delete_bucket(Bucket=f"case-{name}")
    straight = s3_cases.record(beyond, name)
    assert s3_cases.differences(name, through, straight) == {}


def test_a_model_is_deployed_from_there_and_nothing_of_it_is_kept(
    server: Running, beyond: Any
) -> None:
    endpoint = deploy(server, "echo", script(ECHO))
    assert [each["Name"] for each in beyond.list_buckets()["Buckets"]].count(BUCKET) == 1
    assert beyond.head_object(Bucket=BUCKET, Key="models/echo/model.tar.gz")
    answer = server.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=endpoint, ContentType="application/json", Body=b"[1]"
    )
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert list((server.home / "downloads").glob("*")) == []
    assert list((server.home / "s3").glob("*")) == []


def test_callers_have_hostlers_permissions_and_not_the_external_keys(
    server: Running, beyond: Any
) -> None:
    with pytest.raises(ClientError, match="not authorized to perform: s3:GetObject"):
        server.client("s3", "caller").get_object(Bucket=BUCKET, Key="models/echo/model.tar.gz")
    beyond.create_bucket(Bucket="elsewhere")
    beyond.put_object(Bucket="elsewhere", Key="model.tar.gz", Body=b"x")
    with pytest.raises(ClientError, match="no policy allows it"):
        _create_model(server, "s3://elsewhere/model.tar.gz")


def test_what_is_missing_there_is_said(server: Running) -> None:
    with pytest.raises(ClientError, match="there is no object at that URI"):
        _create_model(server, f"s3://{BUCKET}/models/none.tar.gz")


def test_another_account_has_no_part_in_it(server: Running) -> None:
    other = "111122223333"
    server.run("account", "create", other)
    with pytest.raises(ClientError, match="the caller is of another one"):
        server.client("s3", other).list_buckets()


def test_status_and_show_tell_of_it_without_the_secret(
    server: Running, address: str, tmp_path: Path
) -> None:
    assert server.status()["external_s3"] == address
    assert (server.home / "config.json").stat().st_mode & 0o077 == 0
    file = written(tmp_path, address, 'secret_access_key = "do-not-tell"')
    shown = server.run("config", "show", "--config", file).stdout
    assert address in shown
    assert (
        "do-not-tell" not in shown + server.run("config", "show", "--config", file, "--json").stdout
    )


def test_check_says_what_is_wrong_with_it(server: Running, address: str, tmp_path: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    for place, line, told in (
        (address, "", "exactly one of secret_access_key and secret_access_key_file"),
        (address, 'secret_access_key_file = "none"', "No such file"),
        (nowhere, 'secret_access_key = "s"', "Connection refused: is it up"),
        (address.replace("http:", "https:"), 'secret_access_key = "s"', "is it http:// perhaps"),
    ):
        words = ("config", "check", "--json", "--config", written(tmp_path, place, line))
        (problem,) = json.loads(server.run(*words, check=False).stdout)["problems"]
        assert told in problem


def test_one_that_is_gone_is_said_to_callers(server: Running, reference: Reference) -> None:
    """Last in this file."""
    reference.end()
    with pytest.raises(ClientError, match=r"ServiceUnavailable.*Connection refused") as caught:
        server.client("s3").list_buckets()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    with pytest.raises(ClientError, match=r"ServiceUnavailable.*cannot be looked up now"):
        _create_model(server, f"s3://{BUCKET}/models/echo/model.tar.gz")


def written(folder: Path, endpoint: str, line: str) -> str:
    """A file of settings."""
    file = folder / "hostler.toml"
    file.write_text(f'[s3]\nendpoint = "{endpoint}"\naccess_key_id = "k"\n{line}\n')
    return str(file)


def _create_model(server: Running, url: str) -> None:
    server.client("sagemaker").create_model(
        ModelName=f"{PREFIX}refused-v1",
        PrimaryContainer={"Image": "sagemaker-inference:latest", "ModelDataUrl": url},
        ExecutionRoleArn=ROLE,
    )


def test_forms_do_not_go_on_to_it(server: Running) -> None:
    form = server.client("s3").generate_presigned_post(BUCKET, "formed")
    fields = [*form["fields"].items(), ("file", ("a", b"content"))]
    body, kind = urllib3.encode_multipart_formdata(fields)
    with urllib3.PoolManager() as pool:
        answer = pool.request("POST", form["url"], body=body, headers={"content-type": kind})
    assert (answer.status, b"<Code>NotImplemented</Code>" in answer.data) == (501, True)
