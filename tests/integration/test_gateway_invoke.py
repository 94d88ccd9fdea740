"""A real gateway process answering real signed requests."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway_rig import (
    ACCOUNT,
    CALLER_ARN,
    CALLER_KEY,
    CALLER_SECRET,
    REGION,
    ROOT_KEY,
    Rig,
    response,
    rig,
    variant,
)
from hostler.modelserver import spool
from hostler.snapshot import clock
from refusals import refused
from running import eventually


@pytest.fixture(scope="module")
def demo() -> Iterator[Rig]:
    with rig() as made:
        made.publish(variant(made.worker("i-1")))
        made.gateway()
        yield made


def invoke(client, endpoint="Demo", body=b"{}", **options):
    return client.invoke_endpoint(EndpointName=endpoint, Body=body, **options)


def error_of(call) -> dict:
    answer = refused(call)
    return {
        "code": answer["Error"]["Code"],
        "text": answer["Error"]["Message"],
        "status": answer["ResponseMetadata"]["HTTPStatusCode"],
        "headers": answer["ResponseMetadata"]["HTTPHeaders"],
        "members": answer,
    }


def test_boto3_gets_its_answer(demo):
    answer = invoke(
        demo.client(),
        "Demo",
        b'{"a": 1}',
        ContentType="application/json",
        CustomAttributes="attributes=c123",
    )
    assert answer["Body"].read() == b'{"a": 1}'
    assert answer["ContentType"] == "application/json"
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    assert answer["CustomAttributes"] == "c123"
    assert len(answer["ResponseMetadata"]["RequestId"]) == 36
    assert "date" in answer["ResponseMetadata"]["HTTPHeaders"]


def test_nothing_is_echoed_that_the_model_did_not_set(demo):
    answer = invoke(demo.client(), CustomAttributes="key=value")
    assert "CustomAttributes" not in answer


def test_answers_in_parts_and_of_every_size(demo):
    client = demo.client()
    for size, parts in ((0, 1), (1, 1), (100_000, 7), (3_000_000, 1), (3_000_000, 50)):
        answer = invoke(client, CustomAttributes=f"size={size};parts={parts}")
        assert answer["Body"].read() == b"x" * size


def test_bodies_of_every_size_arrive_whole(demo):
    client = demo.client()
    for size in (0, 1, 65_535, 65_536, 300_000, 6_000_000, 25 * 1024 * 1024):
        body = bytes(range(256)) * (size // 256) + b"z" * (size % 256)
        assert invoke(client, body=body)["Body"].read() == body


def test_a_large_request_is_held_once_and_a_large_answer_not_at_all(demo):
    gateway = demo.gateways[0].pid
    client = demo.client()
    body = bytes(25 << 20)
    assert invoke(client, body=body)["Body"].read() == body  # the buffers that stay are there now
    before = _memory(gateway, "VmRSS")
    Path(f"/proc/{gateway}/clear_refs").write_text("5")  # the peak from here on
    assert invoke(client, body=body)["Body"].read() == body
    assert _memory(gateway, "VmHWM") - before < 40 << 20


def _memory(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(f"{name}:"))


def test_a_body_above_the_limit_is_refused_before_it_is_read(demo):
    target, headers = demo.signed(b"")
    connection = demo.connect()
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    length = 25 * 1024 * 1024 + 1
    head = f"POST {target} HTTP/1.1\r\n{lines}Content-Length: {length}\r\n\r\n"
    connection.sendall(head.encode())
    answer = response(connection)
    assert answer.status == 400
    assert answer.headers["x-amzn-ErrorType"] == "ValidationError"
    assert answer.headers["Connection"] == "close"
    assert "less than or equal to 26214400" in json.loads(answer.read())["Message"]
    connection.close()


def test_boto3_hears_why_its_body_is_too_long(demo):
    error = error_of(lambda: invoke(demo.client(), body=bytes(25 * 1024 * 1024 + 1)))
    assert error["code"] == "ValidationError"
    assert "Value at 'body' failed to satisfy constraint" in error["text"]


def test_a_chunked_body_is_bounded_too(demo):
    target, headers = demo.signed(b"")
    connection = demo.connect()
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"POST {target} HTTP/1.1\r\n{lines}Transfer-Encoding: chunked\r\n\r\n"
    connection.sendall(head.encode())
    chunk = b"100000\r\n" + bytes(1 << 20) + b"\r\n"
    for _ in range(25):
        connection.sendall(chunk)
    connection.sendall(b"1\r\nx\r\n")
    assert response(connection).status == 400
    connection.close()


def test_a_request_without_a_body_is_refused(demo):
    target, headers = demo.signed(b"")
    connection = demo.connect()
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    connection.sendall(f"POST {target} HTTP/1.1\r\n{lines}\r\n".encode())
    answer = response(connection)
    assert answer.status == 400
    assert "'body'" in json.loads(answer.read())["Message"]
    connection.close()


def test_a_chunked_body_is_served(demo):
    target, headers = demo.signed(b"hello world")
    connection = demo.connect()
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"POST {target} HTTP/1.1\r\n{lines}Transfer-Encoding: chunked\r\n\r\n"
    connection.sendall(head.encode() + b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")
    answer = response(connection)
    assert (answer.status, answer.read()) == (200, b"hello world")
    connection.close()


def test_the_client_is_told_to_go_on_when_it_asks(demo):
    target, headers = demo.signed(b"hello")
    connection = demo.connect()
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"POST {target} HTTP/1.1\r\n{lines}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"
    connection.sendall(head.encode())
    assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.sendall(b"hello")
    assert response(connection).read() == b"hello"
    connection.close()


def test_pipelined_requests_are_answered_in_order(demo):
    connection = demo.connect()
    bodies = [f"{number}".encode() for number in range(40)]
    connection.sendall(b"".join(demo.raw(body) for body in bodies))
    reader = connection.makefile("rb")
    found = []
    for _ in bodies:
        length = 0
        while (line := reader.readline()) != b"\r\n":
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        found.append(reader.read(length))
    assert found == bodies
    connection.close()


def test_an_unknown_endpoint_is_named(demo):
    error = error_of(lambda: invoke(demo.client(), "other"))
    assert error["code"] == "ValidationError"
    assert error["status"] == 400
    assert error["text"] == f"Endpoint other of account {ACCOUNT} not found."
    assert error["headers"]["x-amzn-requestid"]


def test_the_case_of_a_name_must_be_matched(demo):
    """As the CreateEndpoint page has it; the resource of a policy is lower-cased nevertheless."""
    error = error_of(lambda: invoke(demo.client(CALLER_KEY, CALLER_SECRET), "demo"))
    assert error["text"] == f"Endpoint demo of account {ACCOUNT} not found."


def test_an_endpoint_of_another_region_is_not_found(demo):
    error = error_of(lambda: invoke(demo.client(region="eu-west-1")))
    assert error["text"] == f"Endpoint Demo of account {ACCOUNT} not found."


def test_wrong_secrets_and_unknown_keys_are_refused(demo):
    wrong = error_of(lambda: invoke(demo.client(ROOT_KEY, "guess")))
    assert (wrong["status"], wrong["code"]) == (403, "InvalidSignatureException")
    unknown = error_of(lambda: invoke(demo.client("AKIANOBODY", "guess")))
    assert (unknown["status"], unknown["code"]) == (403, "UnrecognizedClientException")
    connection = demo.http()
    connection.request("POST", "/endpoints/Demo/invocations", b"{}")
    answer = connection.getresponse()
    assert answer.status == 403
    assert answer.headers["x-amzn-ErrorType"] == "MissingAuthenticationTokenException"
    connection.close()


def test_a_changed_body_is_refused(demo):
    connection = demo.connect()
    connection.sendall(demo.raw(b"aaaa").replace(b"\r\n\r\naaaa", b"\r\n\r\nbbbb"))
    assert response(connection).status == 403
    connection.close()


def test_a_caller_may_invoke_what_its_policy_allows(demo):
    client = demo.client(CALLER_KEY, CALLER_SECRET)
    assert invoke(client)["Body"].read() == b"{}"
    error = error_of(lambda: invoke(client, "secret"))
    assert error["code"] == "AccessDeniedException"
    assert error["text"] == (
        f"User: {CALLER_ARN} is not authorized to perform: sagemaker:InvokeEndpoint on resource: "
        f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/secret because no identity-based policy "
        "allows the sagemaker:InvokeEndpoint action"
    )


def test_features_that_do_not_exist_are_refused_by_name(demo):
    client = demo.client()
    for member, value in {
        "TargetContainerHostname": "c1",
        "EnableExplanations": "`true`",
        "InferenceComponentName": "ic",
    }.items():
        error = error_of(lambda m=member, v=value: invoke(client, **{m: v}))
        assert error["code"] == "ValidationError"
        assert member in error["text"]
    error = error_of(lambda: invoke(client, TargetModel="a.tar.gz"))
    assert error["text"] == (
        "Endpoint Demo is not a multi-model endpoint and does not support target model header."
    )
    asynchronous = error_of(
        lambda: client.invoke_endpoint_async(EndpointName="Demo", InputLocation="s3://b/k")
    )
    assert "InvokeEndpointAsync" in asynchronous["text"]
    stream = error_of(
        lambda: client.invoke_endpoint_with_response_stream(EndpointName="Demo", Body=b"{}")
    )
    assert "InvokeEndpointWithResponseStream" in stream["text"]


def test_constraints_are_checked_in_awss_words(demo):
    error = error_of(lambda: invoke(demo.client(), InferenceId="x" * 65))
    assert error["text"].startswith("1 validation error detected: Value 'xxx")
    assert error["text"].endswith(
        "at 'inferenceId' failed to satisfy constraint: Member must have length less than or "
        "equal to 64"
    )


@pytest.mark.parametrize(("status", "kind"), [(500, "server"), (415, "client"), (302, "server")])
def test_a_models_failure_is_a_model_error(demo, status, kind):
    error = error_of(
        lambda: invoke(demo.client(), body=b"no such column", CustomAttributes=f"status={status}")
    )
    assert (error["status"], error["code"]) == (424, "ModelError")
    assert error["text"].startswith(
        f'Received {kind} error ({status}) from primary with message "no such column". See '
    )
    assert error["text"].endswith(f"in account {ACCOUNT} for more information.")
    members = error["members"]
    assert members["OriginalStatusCode"] == status
    assert members["OriginalMessage"] == "no such column"
    assert members["LogStreamArn"] == (
        f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/sagemaker/Endpoints/Demo"
        ":log-stream:AllTraffic/i-1"
    )


def test_a_models_header_cannot_end_a_line(demo):
    error = error_of(
        lambda: invoke(demo.client(), CustomAttributes="type=text/plain%0D%0ASet-Cookie: a")
    )
    assert error["code"] == "ModelError"


def test_weights_share_the_traffic_and_a_target_variant_overrides_them():
    with rig() as made:
        one, two, dark = (made.worker(name) for name in ("i-1", "i-2", "i-3"))
        made.publish(
            variant(one, name="A", weight=3.0),
            variant(two, name="B", weight=1.0),
            variant(dark, name="Dark", weight=0.0),
        )
        made.gateway()
        client = made.client()
        seen = Counter(invoke(client)["InvokedProductionVariant"] for _ in range(400))
        assert set(seen) == {"A", "B"}
        assert 240 < seen["A"] < 360  # 300 ± 7 standard deviations
        answer = invoke(client, TargetVariant="Dark", CustomAttributes="who=1")
        assert answer["InvokedProductionVariant"] == "Dark"
        assert answer["Body"].read() == b"i-3"
        error = error_of(lambda: invoke(client, TargetVariant="C"))
        assert error["text"] == f"Variant C not found for Endpoint Demo of account {ACCOUNT}."


def test_two_instances_share_the_work():
    with rig() as made:
        made.publish(variant(made.worker("i-1"), made.worker("i-2")))
        made.gateway()
        client = made.client()
        seen = Counter(invoke(client, CustomAttributes="who=1")["Body"].read() for _ in range(40))
        assert seen == {b"i-1": 20, b"i-2": 20}


def test_what_happened_is_counted_and_spooled():
    with rig() as made:
        made.publish(variant(made.worker("i-1")))
        made.gateway()
        count_and_spool(made)


def test_counts_are_of_the_time_that_the_supervisor_handed_down(monkeypatch):
    """A gateway that is started again after a jump of the machine's clock agrees with control."""
    monkeypatch.setenv(
        clock.EPOCH, repr(time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) - 3600)
    )
    with rig() as made:
        made.publish(variant(made.worker("i-1")))
        made.gateway()
        invoke(made.client())

        def counted():
            spools = made.layout.spools.glob("gateway-0-*")
            lines = [line for each in spools for line in spool.read(str(each))[0]]
            return next((line for line in lines if "invocations" in line.line), None)

        record = eventually("the counters are written", counted)
        now = clock.SystemClock().now()
        assert now - 60 < json.loads(record.line)["at"] <= now
        assert now - 60 < record.time_ms / 1000 <= now


def count_and_spool(demo):
    client = demo.client()
    for _ in range(3):
        invoke(client)
    error_of(lambda: invoke(client, CustomAttributes="status=400"))
    error_of(lambda: invoke(client, CustomAttributes="status=500"))

    def counted():
        (folder,) = demo.layout.spools.glob("gateway-0-*")
        records, _ = spool.read(str(folder))
        found = [json.loads(record.line) for record in records]
        assert {record["v"] for record in found} <= {1}
        if not any("until" in record for record in found):
            return False
        total = Counter()
        for record in (each for each in found if "until" not in each):
            assert (record["endpoint"], record["variant"]) == ("Demo", "AllTraffic")
            for key in ("invocations", "errors_4xx", "errors_5xx"):
                total[key] += record[key]
            total["measured"] += sum(record["model_us"]["buckets"].values())
        return total["invocations"] == 5 and total

    total = eventually("the counters are written", counted)
    assert total == {"invocations": 5, "errors_4xx": 1, "errors_5xx": 1, "measured": 5}
