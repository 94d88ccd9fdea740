"""AWS's own addresses through `hostler env --intercept`; other hosts with the token alone."""

import base64
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import urllib3
from botocore.config import Config

from archives import ECHO, script
from deploying import deploy
from running import BUCKET, REGION, Running, hostler


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with hostler() as running:
        deploy(running, "echo", script(ECHO))
        yield running


@pytest.fixture(scope="module")
def exports(server: Running) -> dict[str, str]:
    found: dict[str, str] = json.loads(server.run("env", "--intercept", "--json").stdout)
    return found


def client(exports: dict[str, str], service: str, **config: Any) -> Any:
    """A client of AWS's own address, as a shell with these exports makes it."""
    session = boto3.Session(
        exports["AWS_ACCESS_KEY_ID"], exports["AWS_SECRET_ACCESS_KEY"], region_name=REGION
    )
    options = {
        "proxies": {"https": exports["HTTPS_PROXY"]},
        "retries": {"total_max_attempts": 1},
        "ignore_configured_endpoint_urls": True,
        **config,
    }
    return session.client(service, verify=exports["AWS_CA_BUNDLE"], config=Config(**options))


def dialled(exports: dict[str, str], target: str, token: str | None = None) -> socket.socket:
    """A CONNECT, sent."""
    proxy = urllib.parse.urlsplit(exports["HTTPS_PROXY"])
    assert proxy.port is not None
    connection = socket.create_connection(("127.0.0.1", proxy.port), 20)
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if token is not None:
        basic = base64.b64encode(f"hostler:{token}".encode()).decode()
        lines.append(f"Proxy-Authorization: Basic {basic}")
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    return connection


def status(connection: socket.socket) -> int:
    return int(connection.recv(4096).split(b" ")[1])


def refused(exports: dict[str, str], target: str, token: str | None = None) -> int:
    with dialled(exports, target, token) as connection:
        return status(connection)


def test_every_service_answers_under_its_own_address(exports: dict[str, str]):
    identity = client(exports, "sts").get_caller_identity()
    assert identity["Arn"].endswith(":root")
    endpoints = client(exports, "sagemaker").list_endpoints()["Endpoints"]
    assert [each["EndpointName"] for each in endpoints] == ["rc-project-a-echo-ep"]
    assert client(exports, "iam").list_roles()["Roles"]
    answer = client(exports, "sagemaker-runtime").invoke_endpoint(
        EndpointName="rc-project-a-echo-ep", ContentType="application/json", Body=b"[1, 2]"
    )
    assert json.loads(answer["Body"].read()) == [1, 2]


def test_buckets_are_hosts_and_uploads_are_chunked_with_trailers(exports: dict[str, str]):
    s3 = client(exports, "s3", s3={"addressing_style": "virtual"})
    data = os.urandom(9 << 20)
    s3.put_object(Bucket=BUCKET, Key="models/a b.bin", Body=data, ChecksumAlgorithm="SHA256")
    got = s3.get_object(Bucket=BUCKET, Key="models/a b.bin", ChecksumMode="ENABLED")
    assert got["Body"].read() == data
    assert s3.head_bucket(Bucket=BUCKET)["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_programs_need_nothing_but_the_variables(server: Running, exports: dict[str, str]):
    program = (
        "import boto3; print(boto3.client('sts').get_caller_identity()['Account']);"
        "print(boto3.client('sagemaker').list_endpoints()['Endpoints'][0]['EndpointStatus'])"
    )
    script_text = server.run("env", "--intercept").stdout
    done = subprocess.run(
        ["sh", "-c", f'eval "$EXPORTS"; exec {sys.executable} -c "{program}"'],
        env={"PATH": os.environ["PATH"], "EXPORTS": script_text, "AWS_ENDPOINT_URL": "http://x"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout.split() == ["123456789012", "InService"], done.stderr
    assert exports["NO_PROXY"] == "127.0.0.1,localhost"


def test_the_authority_may_sign_for_aws_alone(exports: dict[str, str], server: Running):
    context = ssl.create_default_context(cafile=exports["AWS_CA_BUNDLE"])
    connection = dialled(exports, "sts.us-east-1.amazonaws.com:443")
    assert status(connection) == 200
    with context.wrap_socket(connection, server_hostname="sts.us-east-1.amazonaws.com") as tls:
        certificate = tls.getpeercert()
    assert certificate is not None
    assert certificate["subjectAltName"] == (("DNS", "sts.us-east-1.amazonaws.com"),)
    text = subprocess.run(
        ["openssl", "x509", "-in", str(server.home / "authority/ca.pem"), "-noout", "-text"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "Name Constraints: critical" in text
    assert "DNS:amazonaws.com" in text
    assert (server.home / "authority/ca.key").stat().st_mode & 0o077 == 0


def test_a_client_that_does_not_trust_us_costs_nobody_anything(exports: dict[str, str]):
    with dialled(exports, "s3.amazonaws.com:443") as connection:
        assert status(connection) == 200
        with pytest.raises(ssl.SSLError):
            ssl.create_default_context().wrap_socket(connection, server_hostname="s3.amazonaws.com")
    assert client(exports, "sts").get_caller_identity()["Account"] == "123456789012"


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("example.com:443", 407),
        ("nonsense", 400),
        (":443", 400),
        ("x..amazonaws.com:443", 400),
        (f"{'a' * 64}.amazonaws.com:443", 400),
        ("_@!$.amazonaws.com:443", 400),
        ("sts.amazonaws.com:22", 403),
    ],
)
def test_without_the_token_other_hosts_are_refused(
    exports: dict[str, str], target: str, expected: int
):
    assert refused(exports, target) == expected
    assert refused(exports, target, "a wrong one") == expected


def test_the_token_opens_no_way_to_aws(exports: dict[str, str]):
    """On another port than TLS's the real one was dialled."""
    token = urllib.parse.urlsplit(exports["HTTPS_PROXY"]).password
    assert refused(exports, "s3.amazonaws.com:80", token) == 403
    assert refused(exports, f"{'a' * 64}.example:443", token) == 400


def test_with_the_token_another_host_is_reached_through_a_tunnel(exports: dict[str, str]):
    token = urllib.parse.urlsplit(exports["HTTPS_PROXY"]).password
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            accepted, _ = listener.accept()
            with accepted:
                while data := accepted.recv(65536):
                    accepted.sendall(data.upper())

        thread = threading.Thread(target=serve)
        thread.start()
        connection = dialled(exports, f"127.0.0.1:{listener.getsockname()[1]}", token)
        assert status(connection) == 200
        sent = b"through " * 200_000
        writer = threading.Thread(target=connection.sendall, args=(sent,))
        writer.start()
        got = b""
        while len(got) < len(sent):
            got += connection.recv(1 << 20)
        writer.join()
        assert got == sent.upper()
        connection.close()
        thread.join(10)
        assert not thread.is_alive(), "the other side was not told of the end"


def test_a_host_that_cannot_be_reached_is_said(exports: dict[str, str]):
    token = urllib.parse.urlsplit(exports["HTTPS_PROXY"]).password
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with dialled(exports, f"127.0.0.1:{taken.getsockname()[1]}", token) as connection:
            answer = connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 502 ")
    assert b"cannot be reached" in answer


def test_a_profile_is_written_beside_what_the_user_has(server: Running, tmp_path: Path):
    config, credentials = tmp_path / "config", tmp_path / "credentials"
    config.write_text("# mine\n[default]\nregion = eu-west-1\n")
    environment = os.environ | {
        "AWS_CONFIG_FILE": str(config),
        "AWS_SHARED_CREDENTIALS_FILE": str(credentials),
    }
    words = [sys.executable, "-m", "hostler.cli.main", "env", "--profile", "local", "--data-dir"]
    for _ in range(2):
        done = subprocess.run(
            [*words, str(server.home)], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    assert config.read_text().startswith("# mine\n[default]\nregion = eu-west-1\n\n[profile local]")
    assert config.read_text().count("[profile local]") == 1
    program = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**environment, "AWS_PROFILE": "local"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip().endswith(":root"), done.stderr


def test_a_form_is_uploaded_to_the_buckets_own_host(exports: dict[str, str]) -> None:
    s3 = client(exports, "s3", signature_version="s3v4", s3={"addressing_style": "virtual"})
    form = s3.generate_presigned_post(BUCKET, "forms/${filename}")
    assert urllib.parse.urlsplit(form["url"]).netloc.startswith(f"{BUCKET}.s3.")
    fields = [*form["fields"].items(), ("file", ("a b.bin", bytes(300_000)))]
    body, kind = urllib3.encode_multipart_formdata(fields)
    with urllib3.ProxyManager(exports["HTTPS_PROXY"], ca_certs=exports["AWS_CA_BUNDLE"]) as pool:
        answer = pool.request("POST", form["url"], body=body, headers={"content-type": kind})
    assert answer.status == 204
    assert answer.headers["Location"] == f"{form['url'].rstrip('/')}/forms/a%20b.bin"
    assert s3.head_object(Bucket=BUCKET, Key="forms/a b.bin")["ContentLength"] == 300_000
    s3.close()
