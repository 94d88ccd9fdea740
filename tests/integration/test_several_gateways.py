"""What several gateways of one data directory know together: counts, limits and sessions."""

import json
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from archives import script
from deploying import deploy
from hostler.gateway.counts import Counts
from running import ACCOUNT, Running, eventually, hostler

GATEWAYS = 3
LIMIT = 6
IN_FORCE_S = 5.0
Key = tuple[str, str]
SESSION = boto3.Session()
"""Has the models for all clients."""
GATED = """
import os, socket, time

def model_fn(model_dir):
    return model_dir

def transform_fn(model, data, content_type, accept, context):
    told = context.get_request_header(0, "X-Amzn-SageMaker-Session-Id")
    if told == "NEW_SESSION":
        name = f"s{os.urandom(4).hex()}"
        expires = "2020-01-01T00:00:00Z" if "expired" in str(data) else "2099-01-01T00:00:00Z"
        context.set_response_header(
            0, "X-Amzn-SageMaker-New-Session-Id", f"{name}; Expires={expires}"
        )
    elif told and "close" in str(data):
        context.set_response_header(0, "X-Amzn-SageMaker-Closed-Session-Id", told)
    elif "fail" in str(data):
        raise ValueError("as asked")
    while "wait" in str(data) and not os.path.exists(f"{model}/open"):
        time.sleep(0.01)
    return f"{socket.gethostname()} {told or ''}", "text/plain"
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="h-") as folder:
        config = Path(folder, "hostler.toml")
        config.write_text(
            f"[gateway]\naccount_in_flight = {LIMIT}\n[server]\ngateways = {GATEWAYS}\n"
        )
        with hostler("--config", str(config)) as running:
            yield running


@pytest.fixture(scope="module")
def endpoint(server: Running) -> str:
    return deploy(server, "gated", script(GATED), count=2)


def fresh(server: Running, key: Key | None = None) -> Any:
    """A client with a connection for each call: the kernel gives it to any of the gateways."""
    exports = server.exports()
    own = exports["AWS_ACCESS_KEY_ID"], exports["AWS_SECRET_ACCESS_KEY"]
    return _client(exports["AWS_ENDPOINT_URL"], exports["AWS_REGION"], key or own)


@cache
def _client(url: str, region: str, key: Key) -> Any:
    client = SESSION.client(
        "sagemaker-runtime",
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=key[0],
        aws_secret_access_key=key[1],
        config=Config(
            retries={"total_max_attempts": 1}, read_timeout=70, max_pool_connections=4 * LIMIT
        ),
    )
    client.meta.events.register("before-send", _for_one_call)
    return client


def _for_one_call(request: Any, **_: Any) -> None:
    request.headers["Connection"] = "close"


def invoke(server: Running, endpoint: str, body: str, **more: str) -> dict[str, Any]:
    answer: dict[str, Any] = fresh(server).invoke_endpoint(
        EndpointName=endpoint, Body=body, ContentType="text/plain", **more
    )
    answer["text"] = answer["Body"].read().decode()
    return answer


@contextmanager
def held(server: Running) -> Iterator[None]:
    """The model lets calls wait for as long as the block runs."""
    (code,) = (server.home / "models").glob("*/code")
    gate = code.with_name("open")
    gate.unlink(missing_ok=True)
    try:
        yield
    finally:
        gate.touch()


def gateway_of(answer: dict[str, Any]) -> str:
    """Which one it came from: what its request ids begin with."""
    return str(answer["ResponseMetadata"]["RequestId"][:24])


def host(answer: dict[str, Any]) -> str:
    return str(answer["text"].split(" ")[0])


@pytest.fixture
def seen(server: Running, endpoint: str) -> Iterator[Counts]:
    """The page of counts, once every gateway counts the instances on it."""
    view = Counts(server.home / "run/counts")

    def together() -> bool:
        view.look()
        rows = [view.hold(name) for name in server.instance_pids()]
        return all(row is not None and view._holders[row].bit_count() == 4 for row in rows)

    eventually("three gateways count together", together)
    yield view
    view.close()


def in_flight(seen: Counts, rows: list[int | None]) -> int:
    return sum(seen.total(row) for row in rows if row is not None)


def total(server: Running, endpoint: str, name: str, statistic: str = "Sum") -> float:
    """A statistic of an endpoint's metric since it was made, in one period."""
    now = datetime.now(UTC)
    found = server.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName=name,
        Dimensions=[
            {"Name": "EndpointName", "Value": endpoint},
            {"Name": "VariantName", "Value": "AllTraffic"},
        ],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(hours=1),
        Period=86_400,
        Statistics=[statistic],
    )
    return sum(each[statistic] for each in found["Datapoints"])


def calls_lost(server: Running) -> float:
    """How often it was said that records of calls may be lost."""
    now = datetime.now(UTC)
    found = server.client("cloudwatch").get_metric_statistics(
        Namespace="Hostler",
        MetricName="CallsLost",
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(hours=1),
        Period=86_400,
        Statistics=["Sum"],
    )
    return sum(each["Sum"] for each in found["Datapoints"])


def test_each_call_is_in_the_metrics_once_whoever_is_killed(server: Running, endpoint: str) -> None:
    """The module's first test: no other has called."""

    def counted(calls: int) -> None:
        eventually(f"{calls} calls", lambda: total(server, endpoint, "Invocations") == calls)

    def spools() -> set[str]:
        return {path.name for path in (server.home / "spool").glob("gateway-0-*")}

    for _ in range(9):
        invoke(server, endpoint, "go on")
    with pytest.raises(ClientError, match="ModelError"):
        invoke(server, endpoint, "fail")
    counted(10)
    server.kill("control")
    for _ in range(9):
        invoke(server, endpoint, "go on")
    counted(19)
    before, lost_before = spools(), calls_lost(server)
    with ThreadPoolExecutor(LIMIT // 2) as callers:
        list(callers.map(lambda _: invoke(server, endpoint, "go on"), range(30)))
    answered = time.time()

    def written() -> bool:
        """What is in memory a crash loses; each second it is written, twice since the last call."""
        files = (server.home / "spool").glob("gateway-0-*/*")
        return max(path.stat().st_mtime for path in files) > answered + 1.0

    eventually("the gateway has written since", written)
    server.kill("gateway-0")
    eventually("the dead gateway's spool is deleted", lambda: not before & spools())
    assert calls_lost(server) > lost_before, "nobody is told that all is known"
    invoke(server, endpoint, "go on")
    counted(50)
    assert total(server, endpoint, "InvocationsPerInstance") == 25
    assert total(server, endpoint, "Invocation5XXErrors") == 1
    assert total(server, endpoint, "InvocationModelErrors") == 1
    assert total(server, endpoint, "Invocation4XXErrors") == 0
    assert total(server, endpoint, "ModelLatency", "SampleCount") == 50
    assert total(server, endpoint, "OverheadLatency", "Minimum") > 0


def test_each_gateway_sends_to_the_instance_with_the_least_of_all(
    server: Running, endpoint: str, seen: Counts
) -> None:
    rows = [seen.hold(name) for name in server.instance_pids()]
    assert len(rows) == 2
    with ThreadPoolExecutor(LIMIT) as callers, held(server):
        waiting = []
        for number in range(1, LIMIT + 1):
            waiting.append(callers.submit(invoke, server, endpoint, "wait"))
            eventually(f"{number} are in flight", lambda n=number: in_flight(seen, rows) == n)
        with pytest.raises(ClientError) as refused:
            invoke(server, endpoint, "one too many")
        assert refused.value.response["Error"]["Code"] == "ThrottlingException"
        assert f"account {ACCOUNT} has {LIMIT} invocations in flight" in str(refused.value)
        assert refused.value.response["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "1"
    answers = Counter(host(each.result()) for each in waiting)
    assert sorted(answers.values()) == [LIMIT // 2, LIMIT // 2]
    assert host(invoke(server, endpoint, "there is room again"))


def test_no_more_than_the_limit_are_let_in_at_once(
    server: Running, endpoint: str, seen: Counts
) -> None:
    start = threading.Barrier(3 * LIMIT)
    rows = [seen.hold(name) for name in server.instance_pids()]

    def call() -> str:
        client = fresh(server)
        start.wait(60)
        try:
            client.invoke_endpoint(EndpointName=endpoint, Body="wait", ContentType="text/plain")
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "answered"

    with ThreadPoolExecutor(3 * LIMIT) as callers, held(server):
        calls = [callers.submit(call) for _ in range(3 * LIMIT)]
        highest = 0

        def refused() -> int:
            nonlocal highest
            highest = max(highest, in_flight(seen, rows))
            return sum(each.done() for each in calls)

        eventually("all others are refused", lambda: refused() == 2 * LIMIT, every_s=0.001)
    assert highest == LIMIT
    codes = Counter(each.result() for each in calls)
    assert codes == {"answered": LIMIT, "ThrottlingException": 2 * LIMIT}


def resolved_by_every_gateway(server: Running, endpoint: str, session: str, text: str) -> None:
    """It goes on where it began, whichever is asked."""
    asked = set[str]()

    def by_every_one() -> bool:
        answer = invoke(server, endpoint, "go on", SessionId=session)
        assert answer["text"] == text, "its instance, and its own name"
        assert "NewSessionId" not in answer
        asked.add(gateway_of(answer))
        return len(asked) >= GATEWAYS

    eventually("every gateway has been asked", by_every_one, every_s=0.0)


def test_a_session_is_resolved_by_a_gateway_that_was_started_later(
    server: Running, endpoint: str
) -> None:
    begun = invoke(server, endpoint, "begin", SessionId="NEW_SESSION")
    session = begun["NewSessionId"].split(";")[0]
    former = set[str]()

    def all_are_known() -> bool:
        former.add(gateway_of(invoke(server, endpoint, "go on")))
        return len(former) == GATEWAYS

    def another_answers() -> bool:
        answer = invoke(server, endpoint, "go on", SessionId=session)
        assert host(answer) == host(begun)
        return gateway_of(answer) not in former

    eventually("every gateway has been asked", all_are_known, every_s=0.0)
    server.kill("gateway-1")
    eventually("its successor resolves the session", another_answers)


def test_a_session_stays_with_its_instance_whichever_gateway_is_asked(
    server: Running, endpoint: str
) -> None:
    begun = [invoke(server, endpoint, "begin", SessionId="NEW_SESSION") for _ in range(4)]
    assert len({host(each) for each in begun}) == 2, "sessions are spread"
    for each in begun:
        told = each["NewSessionId"]
        session = told.split(";")[0]
        assert told.endswith("; Expires=2099-01-01T00:00:00Z")
        own = session.split("-")[0]
        resolved_by_every_gateway(server, endpoint, session, f"{host(each)} {own}")
        closed = invoke(server, endpoint, "close", SessionId=session)
        assert closed["ClosedSessionId"] == session


@pytest.mark.parametrize("session", ["no-session-of-ours", "s1-ffffffff-i-00000000000000000"])
def test_a_session_that_is_not_there_is_told(server: Running, endpoint: str, session: str) -> None:
    with pytest.raises(ClientError, match=r"was not found: .* Begin another one") as refused:
        invoke(server, endpoint, "go on", SessionId=session)
    assert refused.value.response["Error"]["Code"] == "ValidationError"


def test_a_session_that_has_expired_is_told(server: Running, endpoint: str) -> None:
    begun = invoke(server, endpoint, "expired", SessionId="NEW_SESSION")
    with pytest.raises(ClientError, match="it has expired"):
        invoke(server, endpoint, "go on", SessionId=begun["NewSessionId"].split(";")[0])


def test_what_is_no_session_id_is_refused_by_its_pattern(server: Running, endpoint: str) -> None:
    with pytest.raises(ClientError, match="'sessionId' failed to satisfy constraint"):
        invoke(server, endpoint, "go on", SessionId="no such; thing")


class Leaver:
    """A user who may invoke by a managed policy, with a key, and what may be taken from it."""

    def __init__(self, server: Running, name: str) -> None:
        self.server, self.name = server, name
        self.iam = server.client("iam")
        self.iam.create_user(UserName=name)
        made = self.iam.create_policy(PolicyName=name, PolicyDocument=_document("Allow"))
        self.policy = made["Policy"]["Arn"]
        self.iam.attach_user_policy(UserName=name, PolicyArn=self.policy)
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        self.key = key["AccessKeyId"], key["SecretAccessKey"]

    def key_is_deactivated(self) -> None:
        self.iam.update_access_key(UserName=self.name, AccessKeyId=self.key[0], Status="Inactive")

    def key_is_deleted(self) -> None:
        self.iam.delete_access_key(UserName=self.name, AccessKeyId=self.key[0])

    def policy_is_detached(self) -> None:
        self.iam.detach_user_policy(UserName=self.name, PolicyArn=self.policy)

    def policy_is_changed(self) -> None:
        self.iam.create_policy_version(
            PolicyArn=self.policy, PolicyDocument=_document("Deny"), SetAsDefault=True
        )

    def invoke(self, endpoint: str) -> tuple[str, str]:
        """Which gateway answered, by what its request ids begin with, and with which code."""
        try:
            answer = fresh(self.server, self.key).invoke_endpoint(
                EndpointName=endpoint, Body="go on", ContentType="text/plain"
            )
        except ClientError as error:
            answer = error.response
        code = str(answer.get("Error", {}).get("Code", "answered"))
        return gateway_of(answer), code


def _document(effect: str) -> str:
    statement = {"Effect": effect, "Action": "sagemaker:InvokeEndpoint", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        (Leaver.key_is_deactivated, "UnrecognizedClientException"),
        (Leaver.key_is_deleted, "UnrecognizedClientException"),
        (Leaver.policy_is_detached, "AccessDeniedException"),
        (Leaver.policy_is_changed, "AccessDeniedException"),
    ],
)
def test_what_is_taken_back_is_in_force_at_every_gateway_within_5_s(
    server: Running, endpoint: str, taken: Callable[[Leaver], None], expected: str
) -> None:
    """Counted from IAM's answer; a contract, and no measure of speed."""
    leaver = Leaver(server, taken.__name__)
    last: dict[str, str] = {}

    def everywhere(code: str) -> bool:
        gateway, found = leaver.invoke(endpoint)
        last[gateway] = found
        return len(last) == GATEWAYS and {*last.values()} == {code}

    eventually("every gateway lets it in", lambda: everywhere("answered"))
    taken(leaver)
    last.clear()
    what = f"every gateway refuses: {last}"
    eventually(what, lambda: everywhere(expected), within_s=IN_FORCE_S, every_s=0.0)
    for _ in range(3 * GATEWAYS):
        assert leaver.invoke(endpoint)[1] == expected, "who has refused lets nobody in again"
