"""Steady load on an endpoint from several threads, with every call's outcome kept."""

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError

from running import Running

PACED_THREADS = 8


@dataclass(frozen=True, slots=True)
class Outcome:
    """One call: when it began and ended (monotonic), and what went wrong, if anything did."""

    began: float
    ended: float
    error: str = ""
    connection_lost: bool = False
    variant: str = ""
    said: str = ""
    """The answer's body, of calls that are paced."""


@dataclass
class Load:
    """The outcomes so far; safe to read while it runs."""

    outcomes: list[Outcome] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def failures(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.error]

    def answered_after(self, moment: float) -> int:
        """Calls that began after a moment and were answered well."""
        return sum(1 for each in self.outcomes if each.began > moment and not each.error)


@contextlib.contextmanager
def load(
    server: Running, endpoint: str, body: Any, expected: Any, threads: int = 4
) -> Iterator[Load]:
    """Call an endpoint from ``threads`` threads for as long as the block runs. No retries."""
    running = Load()
    client = server.client("sagemaker-runtime", max_pool_connections=threads)
    payload = json.dumps(body)

    def call_again_and_again() -> None:
        while not running.stop.is_set():
            began = time.monotonic()
            error, lost = "", False
            try:
                answer = client.invoke_endpoint(
                    EndpointName=endpoint, ContentType="application/json", Body=payload
                )
                got = json.loads(answer["Body"].read())
                error = "" if got == expected else f"wrong answer {got!r}"
            except ClientError as caught:
                error = str(caught)
            except BotoCoreError as caught:
                error, lost = str(caught), True
            running.outcomes.append(Outcome(began, time.monotonic(), error, lost))

    workers = [threading.Thread(target=call_again_and_again, daemon=True) for _ in range(threads)]
    with _working(running, workers):
        yield running


@contextlib.contextmanager
def paced(
    server: Running, endpoint: str, body: Any, expected: Any, per_second: int
) -> Iterator[Load]:
    """So many calls a second over kept connections, begun on time however long others take.

    Each is signed like a client's and sent once; on a slow machine there are fewer. ``expected``
    None: any answer is right.
    """
    running = Load()
    exports = server.exports()
    payload = json.dumps(body).encode()
    url = f"{server.url}/endpoints/{endpoint}/invocations"
    key = Credentials(exports["AWS_ACCESS_KEY_ID"], exports["AWS_SECRET_ACCESS_KEY"])
    request = AWSRequest("POST", url, {"Content-Type": "application/json"}, payload)
    SigV4Auth(key, "sagemaker", exports["AWS_REGION"]).add_auth(request)  # good for minutes
    headers = dict(request.headers.items())
    start, threads = time.monotonic(), PACED_THREADS

    def call(connection: http.client.HTTPConnection) -> Outcome:
        began = time.monotonic()
        try:
            connection.request("POST", f"/endpoints/{endpoint}/invocations", payload, headers)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as caught:
            connection.close()
            return Outcome(began, time.monotonic(), repr(caught), connection_lost=True)
        well = answer.status == 200 and expected in (None, json.loads(text))
        error = "" if well else f"{answer.status} {text[:300]!r}"
        variant = answer.headers.get("x-Amzn-Invoked-Production-Variant", "")
        return Outcome(began, time.monotonic(), error, variant=variant, said=text.decode())

    def take_turns(offset: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=70)
        turn = offset
        while not running.stop.wait(max(0.0, start + turn / per_second - time.monotonic())):
            running.outcomes.append(call(connection))
            turn = max(turn + threads, int((time.monotonic() - start) * per_second) - threads)
        connection.close()

    workers = [threading.Thread(target=take_turns, args=(n,), daemon=True) for n in range(threads)]
    with _working(running, workers):
        yield running


@contextlib.contextmanager
def _working(running: Load, workers: Sequence[threading.Thread]) -> Iterator[None]:
    """The workers run as long as the block does, and what each has begun then."""
    for worker in workers:
        worker.start()
    try:
        yield
    finally:
        running.stop.set()
        for worker in workers:
            worker.join(70)
