"""A whole run under TLS, and where the secrets of its keys are in the end."""

import json
import os
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterable, Iterator
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from archives import ECHO, script
from deploying import deploy
from running import BUCKET, REGION, Running, eventually, hostler, processes_of

FILES_OF_CLIENTS = {"root.json", "keys.json"}
"""What `hostler env` hands out, as ~/.aws/credentials does."""
S3_SECRET = "of-the-shell-that-started-it-and-of-nobody-else"


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    os.environ["AWS_SECRET_ACCESS_KEY"] = S3_SECRET
    try:
        with hostler("--set", "server.tls=local", "--set", "server.hosts=hostler.test") as running:
            deploy(running, "echo", script(ECHO))
            yield running
    finally:
        del os.environ["AWS_SECRET_ACCESS_KEY"]


def secrets(server: Running) -> set[str]:
    root = json.loads((server.home / "root.json").read_text())
    users = json.loads((server.home / "keys.json").read_text())
    return {each["secret_access_key"] for each in (root, *users)}


def test_every_tool_is_told_whom_to_trust(server: Running) -> None:
    exports = server.exports()
    assert exports["AWS_ENDPOINT_URL"] == f"https://127.0.0.1:{server.port}"
    answer = server.client("sagemaker-runtime", "caller").invoke_endpoint(
        EndpointName="rc-project-a-echo-ep", ContentType="application/json", Body=b"[1]"
    )
    assert json.loads(answer["Body"].read()) == [1]
    context = ssl.create_default_context(cafile=server.home / "authority" / "server.pem")
    url = f"https://localhost:{server.port}/_hostler/health"
    with urllib.request.urlopen(url, context=context, timeout=20) as health:
        assert not [each for each in json.load(health)["warnings"] if "plain" in each]
    assert "rc-project-a-echo-ep" in server.run("status").stdout


def test_aws_own_addresses_are_answered_inside_the_ports_tls(server: Running) -> None:
    """The proxy itself is reached by TLS, and what it answers for has TLS of its own."""
    exports = json.loads(server.run("env", "--intercept", "--json").stdout)
    assert exports["HTTPS_PROXY"].startswith("https://hostler:")
    program = (
        "import boto3; s3 = boto3.client('s3')\n"
        f"what = {{'Bucket': '{BUCKET}', 'Key': 'models/parts'}}\n"
        "what['UploadId'] = s3.create_multipart_upload(**what)['UploadId']\n"
        "etag = s3.upload_part(**what, PartNumber=1, Body=bytes(9 << 20))['ETag']\n"
        "parts = {'Parts': [{'PartNumber': 1, 'ETag': etag}]}\n"
        "print(s3.complete_multipart_upload(**what, MultipartUpload=parts)['Location'])\n"
        "print(boto3.client('sts').get_caller_identity()['Arn'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PATH": os.environ["PATH"], **exports},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    location, arn = done.stdout.split() or [done.stderr] * 2
    assert location == f"https://{BUCKET}.s3.{REGION}.amazonaws.com/models/parts"
    assert arn.endswith(":root")


def test_a_completed_upload_is_found_under_the_ports_own_address(server: Running) -> None:
    s3 = server.client("s3")
    what = {"Bucket": BUCKET, "Key": "models/plain parts"}
    upload = s3.create_multipart_upload(**what)["UploadId"]
    etag = s3.upload_part(**what, UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
    done = s3.complete_multipart_upload(
        **what, UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]}
    )
    base = server.exports()["AWS_ENDPOINT_URL"]
    assert done["Location"] == f"{base}/{BUCKET}/models/plain%20parts"


def test_the_secrets_are_sealed_on_the_disk_and_in_no_log(server: Running) -> None:
    with pytest.raises(ClientError):  # a wrong secret is an error, whose text quotes none
        boto3.client(
            "sts",
            endpoint_url=server.exports()["AWS_ENDPOINT_URL"],
            verify=server.exports()["AWS_CA_BUNDLE"],
            region_name=REGION,
            aws_access_key_id=server.exports()["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key="wrong",
        ).get_caller_identity()
    assert len(secrets(server)) >= 3
    found = {
        path.relative_to(server.home).as_posix()
        for path in server.home.rglob("*")
        if path.is_file() and not path.is_symlink() and holds(path, secrets(server))
    }
    assert found == FILES_OF_CLIENTS
    for name in (*FILES_OF_CLIENTS, "secrets.key", "run/snapshot", "hostler.db", "config.json"):
        assert (server.home / name).stat().st_mode & 0o077 == 0, name


def test_no_process_has_them_in_its_arguments_or_environment(server: Running) -> None:
    shims = server.instance_pids().values()
    pids = {*processes_of(server.home), *shims, *children(shims)}
    assert len(pids) >= 6, "supervisor, control, S3, a gateway, a shim and its worker"
    read = 0
    for pid in pids:
        for kind in ("cmdline", "environ"):
            path = Path(f"/proc/{pid}/{kind}")
            try:
                held = holds(path, {*secrets(server), S3_SECRET})
            except PermissionError:  # an instance's, which hides it from its own user
                continue
            assert not held, (path, path.read_bytes())
            read += 1
    assert read >= 8, "all of those that are not confined"


def test_a_new_key_takes_the_place_of_the_old_one_while_it_serves(server: Running) -> None:
    key, snapshot = server.home / "secrets.key", server.home / "run" / "snapshot"
    before = json.loads(key.read_text())["keys"]
    assert "sealed" in server.run("config", "rotate-key").stdout

    def rotated() -> bool:
        keys = json.loads(key.read_text())["keys"]
        newest = keys[0]["id"]
        return (
            len(keys) == 1 and newest != before[0]["id"] and newest in snapshot.read_bytes().hex()
        )

    eventually("everything is sealed with the new key, and the old one is gone", rotated)
    eventually("it is ready again", lambda: server.status()["ready"])
    server.kill("gateway-0")  # its successor reads what lies on the disk
    buckets = server.client("s3").list_buckets()["Buckets"]
    assert BUCKET in {each["Name"] for each in buckets}


def holds(path: Path, texts: set[str]) -> bool:
    try:
        data = path.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return any(each.encode() in data for each in texts)


def children(pids: Iterable[int]) -> set[int]:
    """Whose parent is one of them."""
    wanted = set(pids)
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent in wanted:
            found.add(int(folder.name))
    return found
