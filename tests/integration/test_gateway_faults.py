"""Workers that die, clients that leave, gateways that end: what must hold then."""

import asyncio
import contextlib
import dataclasses
import http.client
import json
import select
import signal
import socket
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from botocore.exceptions import ClientError

from gateway_rig import response, rig, snapshot_of, variant
from hostler.domain.snapshot import VariantRoute
from hostler.modelserver import page
from hostler.snapshot.publisher import Publisher
from running import eventually


def invoke(client, body=b"{}", **options):
    return client.invoke_endpoint(EndpointName="Demo", Body=body, **options)


def outcome(client, **options) -> str:
    """The answer's body, or the error's code."""
    try:
        return invoke(client, **options)["Body"].read().decode()
    except ClientError as error:
        return error.response["Error"]["Code"]


def admitted(made) -> bool:
    """Whether a new connection is served; one too many may be reset before its answer is read."""
    with contextlib.suppress(ConnectionError, http.client.HTTPException):
        connection = made.connect()
        connection.sendall(made.raw(b"{}"))
        served = response(connection).status == 200
        connection.close()
        return served
    return False


def taken(worker) -> int:
    """The id of the last request a worker has begun."""
    mapped = page.open_page(str(worker.folder / "page"))
    return page.read(mapped, 0)[4]


def test_a_client_that_leaves_in_flight_disturbs_nobody():
    """The probe's first bug: its reply raised, and the shared connection was closed for all."""
    with rig() as made:
        made.publish(variant(made.worker("i-1")))
        made.gateway()
        client = made.client()
        assert outcome(client) == "{}"
        with ThreadPoolExecutor(1) as pool:
            leaving = [made.connect() for _ in range(5)]
            for connection in leaving:
                connection.sendall(made.raw(X_Amzn_SageMaker_Custom_Attributes="sleep=0.3"))
            waiting = pool.submit(outcome, client, body=b"I wait")
            for number, connection in enumerate(leaving):
                if number % 2:  # a reset instead of an orderly end
                    linger = b"\1\0\0\0\0\0\0\0"
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                connection.close()
            assert waiting.result() == "I wait"
        assert outcome(client, body=b"after") == "after"


def test_an_answer_that_nobody_waits_for_is_dropped_by_its_id():
    """The probe's second bug: a late reply went to whoever came next."""
    with rig() as made:
        made.publish(variant(made.worker("i-1", credit=2)))
        made.gateway()
        client = made.client()
        for number in range(5):
            connection = made.connect()
            connection.sendall(
                made.raw(b"given up", X_Amzn_SageMaker_Custom_Attributes="sleep=0.05")
            )
            connection.close()
            assert outcome(client, body=b"%d" % number) == str(number)


def test_requests_the_dead_worker_had_not_taken_are_answered_by_the_other():
    with rig() as made:
        one, two = made.worker("i-1"), made.worker("i-2")
        made.publish(variant(one, two))
        made.gateway()
        connections = [made.connect() for _ in range(8)]
        gate = made.layout.root / "gate"
        request = made.raw(X_Amzn_SageMaker_Custom_Attributes=f"until={gate};who=1")
        for connection in connections:
            connection.sendall(request)
        # Each worker computes one; three more lie untaken in each one's socket.
        eventually("both compute", lambda: bool(taken(one) and taken(two)))
        one.kill()
        gate.touch()
        found = Counter(response(connection).status for connection in connections)
        assert found == {424: 1, 200: 7}  # what the dead one was computing, and nothing else
        for connection in connections:
            connection.close()


def test_one_worker_killed_under_load_costs_at_most_what_it_had_taken():
    with rig() as made:
        one, two = made.worker("i-1"), made.worker("i-2")
        made.publish(variant(one, two))
        made.gateway()
        client = made.client(max_pool_connections=6)
        stop = threading.Event()
        outcomes: list[str] = []

        def load() -> None:
            while not stop.is_set():
                outcomes.append(outcome(client, CustomAttributes="sleep=0.002;who=1"))

        with ThreadPoolExecutor(6) as pool:
            running = [pool.submit(load) for _ in range(6)]
            for kill in range(4):
                victim = made.workers[f"i-{kill % 2 + 1}"]
                before = len(outcomes)
                eventually("answers flow", lambda b=before: len(outcomes) > b + 20)
                victim.kill()
                made.worker(victim.name)
            before = len(outcomes)
            eventually("both answer", lambda: {"i-1", "i-2"} <= set(outcomes[before:]))
            stop.set()
            for each in running:
                each.result()
        failed = [each for each in outcomes if each not in {"i-1", "i-2"}]
        assert set(failed) <= {"ModelError"}
        assert len(failed) <= 4  # a worker computes one at a time


def test_a_death_after_taking_is_a_model_error_and_not_repeated():
    with rig() as made:
        one = made.worker("i-1")
        made.publish(variant(one))
        made.gateway()
        client = made.client()
        assert outcome(client, CustomAttributes="die=after") == "ModelError"
        made.worker("i-1")
        assert outcome(client, body=b"again") == "again"


def test_a_request_waits_for_a_worker_that_is_being_replaced():
    with rig() as made:
        one = made.worker("i-1")
        made.publish(variant(one))
        made.gateway()
        client = made.client()
        assert outcome(client) == "{}"
        one.kill()
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(outcome, client, body=b"patient")
            made.worker("i-1")
            assert waiting.result() == "patient"


def test_a_worker_that_goes_away_politely_loses_nothing():
    with rig() as made:
        made.publish(variant(made.worker("i-1"), made.worker("i-2")))
        made.gateway()
        client = made.client()
        first = outcome(client, CustomAttributes="goaway=i-1;who=1")
        second = outcome(client, CustomAttributes="goaway=i-1;who=1")
        assert (first, second) == ("i-2", "i-2")
        assert {outcome(client, CustomAttributes="who=1") for _ in range(4)} == {"i-2"}


def test_a_stopped_worker_is_passed_over():
    with rig() as made:
        one, two = made.worker("i-1"), made.worker("i-2")
        made.publish(variant(one, two))
        made.gateway()
        client = made.client()
        assert {outcome(client, CustomAttributes="who=1") for _ in range(4)} == {"i-1", "i-2"}
        one.process.send_signal(signal.SIGSTOP)
        with ThreadPoolExecutor(4) as pool:
            seen = [pool.submit(outcome, client, CustomAttributes="who=1") for _ in range(4)]
            assert {each.result() for each in seen} == {"i-2"}
        assert {outcome(client, CustomAttributes="who=1") for _ in range(6)} == {"i-2"}
        one.process.send_signal(signal.SIGCONT)
        eventually("it is heard again", lambda: outcome(client, CustomAttributes="who=1") == "i-1")


def test_a_model_that_does_not_answer_in_time_is_a_model_error_in_awss_words():
    with rig() as made:
        made.publish(variant(made.worker("i-1")))
        made.gateway(invocation_s=0.6)
        client = made.client()
        try:
            invoke(client, CustomAttributes="sleep=2")
        except ClientError as error:
            answer = error.response
        assert answer["Error"]["Code"] == "ModelError"
        assert answer["OriginalStatusCode"] == 0
        assert answer["Error"]["Message"].startswith(
            'Received server error (0) from primary with message "Your invocation timed out while '
            "waiting for a response from container primary. Review the latency metrics for each "
            'container in Amazon CloudWatch, resolve the issue, and try again.".'
        )
        eventually("it answers again", lambda: outcome(client, body=b"x") == "x")


def test_what_does_not_fit_in_the_line_is_refused_at_once():
    with rig() as made:
        made.publish(variant(made.worker("i-1", credit=1)))
        made.gateway(queue_max=2)
        assert outcome(made.client()) == "{}"  # the worker is connected
        connections = [made.connect() for _ in range(5)]
        gate = made.layout.root / "gate"
        request = made.raw(X_Amzn_SageMaker_Custom_Attributes=f"until={gate}")
        for connection in connections:
            connection.sendall(request)
        eventually("two are refused", lambda: len(select.select(connections, [], [], 0)[0]) == 2)
        gate.touch()
        found = [response(connection) for connection in connections]
        codes = sorted(each.status for each in found)
        assert codes == [200, 200, 200, 503, 503]
        refused = next(each for each in found if each.status == 503)
        assert refused.headers["x-amzn-ErrorType"] == "ServiceUnavailable"
        assert refused.headers["Retry-After"] == "1"
        for connection in connections:
            connection.close()


def test_no_instance_that_can_be_reached_is_said_with_retry_after():
    with rig() as made:
        one = made.worker("i-1")
        made.publish(variant(one))
        one.kill()
        made.gateway(unreachable_s=0.5)
        connection = made.connect()
        connection.sendall(made.raw())
        answer = response(connection)
        assert answer.status == 503
        assert answer.headers["x-amzn-ErrorType"] == "ServiceUnavailable"
        assert answer.headers["Retry-After"] == "2"
        connection.close()


def test_a_new_snapshot_moves_the_traffic_and_lets_the_old_finish():
    with rig() as made:
        old, new = made.worker("old"), made.worker("new")
        made.publish(variant(old))
        made.gateway()
        client = made.client()

        async def story() -> None:
            publisher = Publisher(made.layout.snapshot_socket, made.layout.snapshot)
            await publisher.start()
            loop = asyncio.get_running_loop()
            gate = made.layout.root / "gate"
            slow = loop.run_in_executor(
                None, lambda: outcome(client, CustomAttributes=f"until={gate};who=1")
            )
            while not (publisher.subscribers() and taken(old)):
                await asyncio.sleep(0.01)
            generation = publisher.next_generation()
            route = made.snapshot.endpoints[0]
            moved = dataclasses.replace(route, variants=(variant(new, name="Green"),))
            publisher.publish(
                dataclasses.replace(made.snapshot, generation=generation, endpoints=(moved,))
            )
            while not publisher.acked(generation):
                await asyncio.sleep(0.01)
            fast = await loop.run_in_executor(
                None, lambda: outcome(client, CustomAttributes="who=1")
            )
            assert fast == "new"
            gate.touch()
            assert await slow == "old"
            publisher.publish(dataclasses.replace(snapshot_of(()), generation=generation + 1))
            while not publisher.acked(generation + 1):
                await asyncio.sleep(0.01)
            gone = await loop.run_in_executor(None, lambda: outcome(client))
            assert gone == "ValidationError"
            await publisher.close()

        asyncio.run(story())
        assert outcome(client) == "ValidationError"  # control is gone; its last word stays in force


def test_what_waited_for_a_variant_that_is_gone_is_routed_again():
    with rig() as made:
        made.publish(VariantRoute("Blue", 1.0, ()))  # no instance at all: everything waits
        new = made.worker("new")
        made.gateway()
        client = made.client()

        async def story() -> None:
            publisher = Publisher(made.layout.snapshot_socket, made.layout.snapshot)
            await publisher.start()
            loop = asyncio.get_running_loop()
            waiting = loop.run_in_executor(None, lambda: outcome(client, CustomAttributes="who=1"))
            await asyncio.sleep(0.3)
            assert not waiting.done()
            moved = dataclasses.replace(
                made.snapshot.endpoints[0], variants=(variant(new, name="Green"),)
            )
            publisher.publish(dataclasses.replace(made.snapshot, generation=9, endpoints=(moved,)))
            assert await waiting == "new"
            await publisher.close()

        asyncio.run(story())


def test_a_stopping_gateway_finishes_and_its_successor_loses_nothing():
    with rig() as made:
        made.publish(variant(made.worker("i-1"), made.worker("i-2")))
        first = made.gateway()
        client = made.client(max_pool_connections=3)
        stop = threading.Event()
        outcomes: list[str] = []

        def load() -> None:
            while not stop.is_set():
                outcomes.append(outcome(client, body=b"ok"))

        slow = made.connect()
        slow.sendall(made.raw(b"slow", X_Amzn_SageMaker_Custom_Attributes="sleep=1.0"))
        with ThreadPoolExecutor(3) as pool:
            running = [pool.submit(load) for _ in range(3)]
            for _ in range(3):
                before = len(outcomes)
                eventually("answers flow", lambda b=before: len(outcomes) > b + 20)
                previous = made.gateways[-1]
                made.gateway()
                previous.send_signal(signal.SIGTERM)
            before = len(outcomes)
            eventually("answers flow", lambda: len(outcomes) > before + 20)
            stop.set()
            for each in running:
                each.result()
        assert set(outcomes) == {"ok"}
        answer = response(slow)
        assert answer.read() == b"slow"
        slow.close()
        assert first.wait(60) == 0
        assert made.layout.gateway_socket(0).exists()  # its successor's


FOLLOWS_NO_MORE = """
import asyncio
from hostler.snapshot.subscriber import Subscriber
async def run(self):
    first = self.generation
    while self.generation == first:
        await asyncio.sleep(0.01)
        self.load()
    raise ZeroDivisionError("a planted defect")
Subscriber.run = run
"""


def test_a_gateway_that_follows_no_more_says_why_finishes_and_ends_as_failed():
    with rig() as made:
        one = made.worker("i-1")
        made.publish(variant(one))
        process = made.gateway(FOLLOWS_NO_MORE)
        slow = made.connect()
        slow.sendall(made.raw(b"slow", X_Amzn_SageMaker_Custom_Attributes="sleep=1.0"))
        eventually("it is being worked on", lambda: taken(one) > 0)
        made.publish(variant(one))
        assert response(slow).read() == b"slow"
        slow.close()
        assert process.wait(60) == 1
        assert "Traceback" in made.log()
        assert "ZeroDivisionError: a planted defect" in made.log()
        (made.layout.root / "gateway.log").unlink()  # what it holds was wanted


def test_the_listening_socket_is_handed_to_whoever_asks_with_the_same_uid():
    with rig() as made:
        made.publish(variant(made.worker("i-1")))
        process = made.gateway()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            asking.connect(str(made.layout.gateway_socket(0)))
            line, descriptors, _, _ = socket.recv_fds(asking, 4096, 1)
        words = json.loads(line)
        assert words == {
            "version": 1,
            "slot": 0,
            "pid": process.pid,
            "address": ["127.0.0.1", made.port],
        }
        with socket.socket(fileno=descriptors[0]) as inherited:
            assert inherited.getsockname() == made.listener.getsockname()
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
            connection = http.client.HTTPConnection("127.0.0.1", made.port, timeout=60)
            connection.connect()  # the socket lives on: the kernel takes the connection
            connection.close()


def test_a_gateway_without_a_snapshot_serves_refusals():
    with rig() as made:
        made.gateway()
        assert outcome(made.client()) == "UnrecognizedClientException"


def test_connections_beyond_the_limit_are_refused_with_an_answer():
    with rig() as made:
        made.publish(variant(made.worker("i-1")))
        made.gateway(connections_max=2)
        kept = [made.connect() for _ in range(2)]
        for connection in kept:
            connection.sendall(made.raw(b"hello"))
            assert response(connection).read() == b"hello"
        refused = made.connect()
        assert response(refused).status == 503
        refused.close()
        kept[0].sendall(made.raw(b"still"))
        assert response(kept[0]).read() == b"still"
        kept[1].close()
        eventually("there is room again", lambda: admitted(made))
        kept[0].close()


def test_fifty_bodies_at_the_limit_are_served_in_bounded_memory():
    size = 4 * 1024 * 1024
    with rig() as made:
        made.publish(variant(made.worker("i-1")))
        process = made.gateway(bodies_bytes_max=4 * size, body_bytes_max=size)
        body = bytes(size)
        request = made.raw(body, X_Amzn_SageMaker_Custom_Attributes="size=2")
        with ThreadPoolExecutor(50) as pool:

            def one(_number: int) -> int:
                connection = made.connect()
                connection.sendall(request)
                status = response(connection).status
                connection.close()
                return status

            assert set(pool.map(one, range(50))) == {200}
        peak_kb = next(
            int(line.split()[1])
            for line in Path(f"/proc/{process.pid}/status").read_text().splitlines()
            if line.startswith("VmHWM")
        )
        assert peak_kb < 160 * 1024
