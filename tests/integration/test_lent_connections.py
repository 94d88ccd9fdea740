"""S3 reads large bodies and writes answers at the client's connection, which a gateway lends."""

import contextlib
import hashlib
import os
import signal
import socket
import threading
from collections.abc import Iterator

import pytest
import urllib3
from boto3.s3.transfer import TransferConfig

from gateway_rig import response, rig
from gateway_upstreams import until
from running import eventually
from s3_behind import BUCKET, Behind, s3_behind

MIB = 1 << 20


@pytest.fixture(scope="module")
def s3() -> Iterator[Behind]:
    with rig() as front:
        front.publish()
        front.gateway()
        with s3_behind(front) as made:
            yield made


@pytest.fixture(scope="module")
def hasty() -> Iterator[Behind]:
    """Its gateway waits for no client: for those that are late on purpose."""
    with rig() as front:
        front.publish()
        front.gateway(body_rate_window_s=1.0, answer_rate_window_s=1.0, linger_s=0.5)
        with s3_behind(front) as made:
            yield made


def begun(s3: Behind, key: str, size: int, first: bytes, *lines: str) -> socket.socket:
    """A connection on which an upload has begun."""
    connection = s3.front.connect()
    connection.sendall(s3.head("PUT", key, size, *lines) + first)
    return connection


def test_the_bytes_of_large_transfers_do_not_pass_the_gateway(s3: Behind, tmp_path) -> None:
    source, back = tmp_path / "source", tmp_path / "back"
    source.write_bytes(os.urandom(20 * MIB + 5))
    client = s3.client
    before = s3.read_by_gateway()
    parts = TransferConfig(multipart_threshold=8 * MIB, multipart_chunksize=8 * MIB)
    client.upload_file(str(source), BUCKET, "parts", Config=parts)
    client.download_file(BUCKET, "parts", str(back), Config=parts)
    assert back.read_bytes() == source.read_bytes()
    client.put_object(Bucket=BUCKET, Key="whole", Body=source.read_bytes())
    with client.get_object(Bucket=BUCKET, Key="whole")["Body"] as body:
        assert hashlib.sha256(body.read()).digest() == hashlib.sha256(back.read_bytes()).digest()
    assert s3.read_by_gateway() - before < 4 * MIB  # of 80


def test_requests_that_follow_at_once_are_answered_in_order(s3: Behind) -> None:
    data = os.urandom(3 * MIB)
    small = s3.head("PUT", "small", 2) + b"ab"
    gets = s3.head("GET", "large") + s3.head("GET", "small")
    connection = s3.front.connect()
    sender = threading.Thread(
        target=connection.sendall, args=(s3.head("PUT", "large", len(data)) + data + small + gets,)
    )
    sender.start()
    assert [response(connection, "PUT").status for _ in range(2)] == [200, 200]
    with connection.makefile("rb") as answers:
        for body in (data, b"ab"):
            head = b"".join(iter(answers.readline, b"\r\n")).lower()
            assert head.startswith(b"http/1.1 200 ok"), head
            assert b"content-length: %d\r\n" % len(body) in head
            assert answers.read(len(body)) == body
    sender.join()
    connection.sendall(s3.head("HEAD", "small"))
    assert response(connection, "HEAD").headers["Content-Length"] == "2"
    connection.close()


def test_who_expects_to_be_asked_for_the_body_is_asked(s3: Behind) -> None:
    data = os.urandom(MIB)
    connection = begun(s3, "asked", len(data), b"", "expect: 100-continue")
    assert until(connection, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.sendall(data)
    assert response(connection, "PUT").status == 200
    connection.sendall(s3.head("GET", "asked"))
    assert until(connection, data[-64:]).endswith(data)
    connection.close()


@pytest.mark.parametrize("expects", [(), ("expect: 100-continue",)])
def test_a_body_that_is_refused_unread_ends_its_connection(s3: Behind, expects) -> None:
    connection = s3.front.connect()
    head = s3.head("PUT", "refused", 3 * MIB, *expects).replace(b"/lent/", b"/none/", 1)
    connection.sendall(head)
    answer = response(connection, "PUT")
    assert (answer.status, answer.headers["Connection"]) == (403, "close")
    assert connection.recv(1) == b""
    connection.close()


def test_a_client_that_leaves_leaves_nothing_behind(s3: Behind) -> None:
    connection = begun(s3, "left", 50 * MIB, bytes(2 * MIB))
    eventually("it is being written", s3.unfinished)
    connection.close()
    eventually("nothing is left", lambda: not s3.unfinished())


def test_a_browsers_form_passes_by_as_well(s3: Behind) -> None:
    content = os.urandom(5 * MIB)
    form = s3.client.generate_presigned_post(BUCKET, "formed")
    fields = [*form["fields"].items(), ("file", ("a", content))]
    body, kind = urllib3.encode_multipart_formdata(fields)
    before = s3.read_by_gateway()
    with urllib3.PoolManager() as pool:
        answer = pool.request("POST", form["url"], body=body, headers={"content-type": kind})
    assert answer.status == 204
    assert s3.read_by_gateway() - before < 2 * MIB
    with s3.client.get_object(Bucket=BUCKET, Key="formed")["Body"] as stored:
        assert stored.read() == content


def test_chunked_bodies_are_relayed(s3: Behind) -> None:
    before = s3.read_by_gateway()
    connection = s3.front.connect()
    told = (
        "transfer-encoding: chunked",
        "content-encoding: aws-chunked",
        f"x-amz-decoded-content-length: {MIB}",
    )
    head = s3.head("PUT", "chunked", None, *told, payload="STREAMING-UNSIGNED-PAYLOAD-TRAILER")
    body = b"%x\r\n%b\r\n0\r\n\r\n" % (MIB, bytes(MIB))
    connection.sendall(head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
    assert response(connection, "PUT").status == 200
    assert s3.read_by_gateway() - before > MIB
    connection.close()


def test_an_upload_that_has_begun_is_finished_by_s3_that_is_asked_to_end(s3: Behind) -> None:
    connection = begun(s3, "drained", 4 * MIB, bytes(2 * MIB))
    eventually("it is being written", s3.unfinished)
    s3.process.send_signal(signal.SIGTERM)
    connection.sendall(bytes(2 * MIB))
    assert response(connection, "PUT").status == 200
    connection.close()
    assert s3.process.wait(20) == 0
    s3.start()
    assert s3.client.head_object(Bucket=BUCKET, Key="drained")["ContentLength"] == 4 * MIB


def test_s3_that_is_killed_fails_its_requests_alone(s3: Behind) -> None:
    s3.client.put_object(Bucket=BUCKET, Key="killed", Body=bytes(32 * MIB))
    upload = begun(s3, "lost", 50 * MIB, bytes(2 * MIB))
    eventually("it is being written", s3.unfinished)
    download = s3.front.connect()
    download.sendall(s3.head("GET", "killed"))
    came = len(until(download, b"\r\n\r\n"))
    s3.process.kill()
    s3.process.wait()
    answer = response(upload, "PUT")
    assert (answer.status, answer.headers["Connection"]) == (503, "close")
    while piece := download.recv(MIB):
        came += len(piece)
    assert came < 32 * MIB
    s3.start()
    for connection in (upload, download):
        connection.close()
    assert s3.client.head_object(Bucket=BUCKET, Key="killed")["ContentLength"] == 32 * MIB


def test_a_body_that_does_not_come_is_refused(hasty: Behind) -> None:
    connection = begun(hasty, "slow", 50 * MIB, bytes(MIB))
    answer = response(connection, "PUT")
    assert (answer.status, answer.headers["Connection"]) == (408, "close")
    connection.close()
    eventually("nothing is left", lambda: not hasty.unfinished())


def test_an_answer_that_is_not_taken_is_cut_off(hasty: Behind) -> None:
    hasty.client.put_object(Bucket=BUCKET, Key="untaken", Body=bytes(24 * MIB))
    connection = hasty.front.connect()
    connection.sendall(hasty.head("GET", "untaken"))
    came = len(until(connection, b"\r\n\r\n"))
    eventually("both let go of it", lambda: hasty.front.is_closed(connection), within_s=60)
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(MIB):
            came += len(piece)
    assert came < 24 * MIB
    connection.close()
