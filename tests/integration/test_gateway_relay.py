"""What is no invocation goes to control's or S3's Unix socket, and comes back as it was."""

import http.client
import json
import os
import select
import threading
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from gateway_rig import Rig, response, rig
from gateway_upstreams import Talk, downloading, drained, until, upstream
from running import eventually


@pytest.fixture
def front() -> Iterator[Rig]:
    with rig() as made:
        made.gateway()
        yield made


def rss(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def stalls(progress: list[int]) -> bool:
    """Whether nothing more happens for a while."""
    before = len(progress)
    threading.Event().wait(0.4)
    return len(progress) == before


def test_the_head_arrives_as_it_was_sent_and_the_answer_returns_as_it_was_made(front):
    seen = []

    def talk(connection):
        seen.append(until(connection, b"\r\n\r\nhello"))
        connection.sendall(b"HTTP/1.1 201 Made\r\nX-Odd:  yes \r\nContent-Length: 2\r\n\r\nok")

    head = (
        b"PUT /a%20b//../c?x=%2F&y HTTP/1.1\r\nHost: 127.0.0.1:1\r\n"
        b"X-Amz-Target: SageMaker.ListModels\r\n"
        b"X-MiXed: A  b\r\nX-MiXed: again\r\nContent-Length: 5\r\n\r\nhello"
    )
    with upstream(front.layout.control_socket, talk):
        connection = front.connect()
        connection.sendall(head)
        assert until(connection, b"ok") == (
            b"HTTP/1.1 201 Made\r\nX-Odd:  yes \r\nContent-Length: 2\r\n\r\nok"
        )
        connection.close()
    told = b"\r\nx-hostler-sender: 127.0.0.1 -\r\n\r\nhello"  # and nothing else
    assert seen == [head.replace(b"\r\n\r\nhello", told)]


@pytest.mark.parametrize("service", ["control", "s3"])
def test_an_absolute_target_is_passed_on_as_its_path_and_host(front, service):
    """RFC 9112 section 3.2.2; what follows the path is signed as it is."""
    seen = []

    def talk(connection):
        seen.append(until(connection, b"\r\n\r\n"))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    layout, path = front.layout, b"/_hostler/x?y=%2F" if service == "control" else b"/b/k%20?y=%2F"
    with upstream(layout.control_socket if service == "control" else layout.s3_socket, talk):
        connection = front.connect()
        connection.sendall(b"GET http://h:1%b HTTP/1.1\r\nA: b\r\nHost: proxy\r\n\r\n" % path)
        assert response(connection, "GET").status == 200
        connection.close()
    told = b"x-hostler-sender: 127.0.0.1 -\r\n\r\n"
    assert seen == [b"GET %b HTTP/1.1\r\nA: b\r\nHost: h:1\r\n%b" % (path, told)]


def test_a_kept_connection_serves_many_requests_of_both_kinds(front):
    def talk(connection):
        until(connection, b"\r\n\r\n")
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
        )

    with upstream(front.layout.control_socket, talk):
        client = front.http()
        for _ in range(3):
            client.request("GET", "/_hostler/health")
            assert client.getresponse().read() == b"ok"
            client.request("POST", "/endpoints/x/invocations", b"{}")
            assert client.getresponse().read().startswith(b'{"Message"')
        client.close()


def test_the_service_decides_between_control_and_s3(front):
    def answering(name: bytes) -> Talk:
        def talk(connection):
            until(connection, b"\r\n\r\n")
            connection.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(name), name)
            )

        return talk

    with (
        upstream(front.layout.control_socket, answering(b"control")),
        upstream(front.layout.s3_socket, answering(b"s3")),
    ):
        client = front.http()
        for method, path, headers, expected in (
            ("GET", "/bucket/key", {}, b"s3"),
            ("GET", "/", {}, b"s3"),
            ("POST", "/", {"X-Amz-Target": "SageMaker.CreateModel"}, b"control"),
            ("POST", "/", {"X-Amz-Target": "Logs_20140328.GetLogEvents"}, b"control"),
            ("POST", "/", {"Content-Type": "application/x-www-form-urlencoded"}, b"control"),
            ("GET", "/_hostler/health", {}, b"control"),
            ("GET", "/endpoints/x/invocations", {}, b"control"),
        ):
            client.request(method, path, headers=headers)
            assert client.getresponse().read() == expected, path
        client.close()


def test_head_requests_and_answers_without_bodies(front):
    """RFC 9112 section 6.3: whatever a length says, nothing follows these heads."""
    answers = iter(
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
            b"HTTP/1.1 204 No Content\r\n\r\n",
            b"HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n",
        )
    )

    def talk(connection):
        until(connection, b"\r\n\r\n")
        connection.sendall(next(answers))

    with upstream(front.layout.s3_socket, talk):
        client = front.http()
        for method, status in (("HEAD", 200), ("DELETE", 204), ("GET", 304)):
            client.request(method, "/b/k")
            answer = client.getresponse()
            assert (answer.status, answer.read()) == (status, b"")
        client.close()


def test_an_answer_without_a_length_ends_with_the_connection(front):
    def talk(connection):
        until(connection, b"\r\n\r\n")
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nall there is")

    with upstream(front.layout.s3_socket, talk):
        client = front.http()
        client.request("GET", "/b/k")
        assert client.getresponse().read() == b"all there is"
        client.close()


def test_a_chunked_upload_stays_chunked(front):
    seen = []

    def talk(connection):
        seen.append(until(connection, b"0\r\n\r\n").partition(b"\r\n\r\n")[2])
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with upstream(front.layout.s3_socket, talk):
        connection = front.connect()
        connection.sendall(
            b"PUT /b/k HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"5;ext=1\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: dropped\r\n\r\n"
        )
        assert response(connection).status == 200
        connection.close()
    assert seen == [b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"]


def test_continue_passes_from_upstream_to_the_client(front):
    def talk(connection):
        until(connection, b"\r\n\r\n")
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        until(connection, b"hello")
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with upstream(front.layout.s3_socket, talk):
        connection = front.connect()
        connection.sendall(
            b"PUT /b/k HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
        )
        assert until(connection, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"hello")
        assert response(connection).status == 200
        connection.close()


def test_fifty_megabytes_up_and_down_in_bounded_memory(front):
    size = 50 * 1024 * 1024
    hold = threading.Event()
    counted, returned = [], []

    def talk(connection):
        begun = until(connection, b"\r\n\r\n")
        hold.wait(60)  # let the upload back up
        total = len(begun.partition(b"\r\n\r\n")[2])
        while total < size:
            total += len(connection.recv(1 << 20))
        counted.append(total)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(50):
            connection.sendall(bytes(1 << 20))
            returned.append(1)

    gateway = front.gateways[0].pid
    with upstream(front.layout.s3_socket, talk):
        connection = front.connect()
        before = rss(gateway)
        connection.sendall(b"PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size)

        sent = []

        def upload() -> None:
            for _ in range(50):
                connection.sendall(bytes(1 << 20))
                sent.append(1)

        uploading = threading.Thread(target=upload)
        uploading.start()
        eventually("the upload is held back", lambda: stalls(sent))
        assert len(sent) < 25
        assert rss(gateway) - before < 12 << 20
        hold.set()
        uploading.join(60)
        eventually("the answer is held back", lambda: stalls(returned) if returned else None)
        assert len(returned) < 25  # nobody reads
        assert rss(gateway) - before < 12 << 20
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert len(answer.read()) == size
        connection.close()
    assert counted == [size]


def test_a_download_that_nobody_reads_ends():
    """It kept its connection, its buffers and S3's side of it for ever."""
    size = 50 << 20
    ended = threading.Event()

    with rig() as front:
        talk = downloading(size)
        front.gateway(answer_rate_window_s=1.0)

        def noted(connection):
            talk(connection)
            ended.set()

        with upstream(front.layout.s3_socket, noted):
            connection = front.connect()
            connection.sendall(b"GET /b/k HTTP/1.1\r\nHost: x\r\n\r\n")
            assert ended.wait(60)
            with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
                response(connection, "GET").read()
            connection.close()


def test_a_download_that_is_read_slowly_goes_on():
    size = 16 << 20
    with rig() as front:
        front.gateway(answer_rate_window_s=2.0)
        with upstream(front.layout.s3_socket, downloading(size)):
            connection = front.connect()
            connection.sendall(b"GET /b/k HTTP/1.1\r\nHost: x\r\n\r\n")
            pause, read = threading.Event(), 0
            while read < size:
                pause.wait(0.2)
                read += len(connection.recv(1 << 20))
            connection.close()


def test_a_client_that_leaves_ends_the_upstream_connection(front):
    reached, ended = threading.Event(), threading.Event()

    def talk(connection):
        until(connection, b"\r\n\r\n")
        reached.set()
        drained(connection)
        ended.set()

    with upstream(front.layout.s3_socket, talk):
        connection = front.connect()
        connection.sendall(b"GET /b/k HTTP/1.1\r\nHost: x\r\n\r\n")
        assert reached.wait(60)
        connection.close()
        assert ended.wait(60)


def test_health_without_control_says_what_still_works(front):
    client = front.http()
    client.request("GET", "/_hostler/health")
    answer = client.getresponse()
    assert answer.status == 503
    assert answer.headers["Retry-After"] == "1"
    document = json.loads(answer.read())
    assert (document["status"], document["control"]) == ("degraded", False)
    assert document["gateway"] == "serving"
    client.close()


def test_health_without_control_is_told_to_this_machine_only(front):
    """Under a name that was made to resolve to this machine, a web page could have read it."""
    client = front.http()
    for host, status in (("evil.example:80", 421), ("localhost:1", 503), ("[::1]:1", 503)):
        client.request("GET", "/_hostler/health", headers={"Host": host})
        answer = client.getresponse()
        assert (answer.status, b"generation" in answer.read()) == (status, status == 503)
    client.close()


@pytest.fixture
def impatient() -> Iterator[Rig]:
    with rig() as made:
        made.gateway(upstream_wait_s=0.1)
        yield made


def test_a_request_waits_a_moment_for_an_upstream_that_is_being_restarted(front):
    """Control's restart takes half a second, and every call in it was refused."""

    def talk(connection):
        until(connection, b"\r\n\r\nhello")
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    connection = front.connect()
    connection.sendall(
        b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: SageMaker.ListModels\r\n"
        b"Content-Length: 5\r\n\r\nhello"
    )
    connection.settimeout(0.3)
    with pytest.raises(TimeoutError):
        connection.recv(1)
    connection.settimeout(60)
    with upstream(front.layout.control_socket, talk):
        answer = response(connection)
        assert (answer.status, answer.read()) == (200, b"ok")
    connection.close()


def test_not_everybody_waits_for_an_absent_upstream():
    with rig() as front:
        front.gateway(upstream_waiting_max=1, upstream_wait_s=30)
        both = [front.connect(), front.connect()]
        for each in both:
            each.sendall(b"GET /bucket/key HTTP/1.1\r\nHost: x\r\n\r\n")
        told, _, _ = select.select(both, [], [], 60)
        assert [response(each, "GET").status for each in told] == [503]
        for each in both:
            each.close()


def test_an_absent_upstream_is_said_in_the_services_own_form(impatient):
    client = impatient.http()
    client.request("POST", "/", b"{}", {"X-Amz-Target": "SageMaker.ListModels"})
    answer = client.getresponse()
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    document = json.loads(answer.read())
    assert document["__type"] == "ServiceUnavailable"
    assert "control plane is not running" in document["message"]
    client.request("GET", "/bucket/key")
    answer = client.getresponse()
    assert answer.status == 503
    assert b"<Code>ServiceUnavailable</Code>" in answer.read()
    client.request("HEAD", "/bucket/key")
    answer = client.getresponse()
    assert (answer.status, answer.read()) == (503, b"")
    client.close()


def test_a_scrape_waits_for_control_and_is_told_then(impatient):
    """As every relayed request; the health route alone is answered at once."""
    client = impatient.http()
    began = monotonic()
    client.request("GET", "/metrics")
    answer = client.getresponse()
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    assert b"control plane is not running" in answer.read()
    assert monotonic() - began >= 0.1
    client.close()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_upstream_that_dies_before_answering_is_a_503_and_is_asked_once(front, method):
    """What it has done of it nobody knows (RFC 9112 section 9.3.1)."""
    asked = []

    def talk(connection):
        asked.append(until(connection, b"\r\n\r\n"))

    with upstream(front.layout.control_socket, talk):
        client = front.http()
        client.request(method, "/_hostler/x", b"{}" if method == "POST" else None)
        assert client.getresponse().status == 503
        client.close()
    assert len(asked) == 1


def test_an_upstream_that_dies_while_answering_ends_the_connection(front):
    def talk(connection):
        until(connection, b"\r\n\r\n")
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")

    with upstream(front.layout.control_socket, talk):
        client = front.http()
        client.request("GET", "/_hostler/x")
        with pytest.raises(http.client.IncompleteRead):
            client.getresponse().read()
        client.close()


def test_an_answer_before_the_whole_request_was_read_arrives(front):
    def talk(connection):
        until(connection, b"\r\n\r\n")
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
        drained(connection)

    with upstream(front.layout.s3_socket, talk):
        connection = front.connect()
        connection.sendall(b"PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nsome")
        answer = response(connection)
        assert (answer.status, answer.read()) == (413, b"no")
        connection.close()


def test_connect_is_refused_where_no_authority_was_made(front):
    connection = front.connect()
    connection.sendall(
        b"CONNECT sts.amazonaws.com:443 HTTP/1.1\r\nHost: sts.amazonaws.com:443\r\n\r\n"
    )
    answer = response(connection, "CONNECT")
    assert answer.status == 502
    assert b"authority cannot be read" in answer.read()
    connection.close()
