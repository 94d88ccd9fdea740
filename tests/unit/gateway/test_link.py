"""Between the gateway and a worker, frame by frame, without sockets."""

import asyncio
import os
from time import monotonic

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_pieces import Bench, Worker, bench, signed
from hostler.gateway import loss, stopped
from hostler.modelserver import folder, frames, page


@pytest.fixture
def gateway():
    with bench() as made:
        yield made


def ids(worker: Worker) -> list[int]:
    return [request_id for kind, request_id, _ in worker.heard() if kind == frames.REQUEST]


class Page:
    """A shared page that the test writes."""

    def __init__(self, path) -> None:
        self.path = str(path)
        page.create(self.path, 1)
        self.map = page.open_page(self.path, write=True)

    def took(self, serial: int, taken: int) -> None:
        """From a connection that was not the last one."""
        words, at = page.taken_writer(self.map, 0), page.taken_index(serial)
        words[at], words[at + 1] = serial, taken

    def write(self, *, serial: int = 1, taken: int = 0, busy: int = 0, pid: int = 77) -> None:
        page.SLOT.pack_into(self.map, 0, page.VERSION, page.READY, busy, serial, taken, 0, pid, 0)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_answers_cut_anywhere_reach_their_clients(data):
    with bench() as made:
        worker = made.instance()
        clients = [made.client() for _ in range(3)]
        for client in clients:
            client.sends(signed())
        order = data.draw(st.permutations(ids(worker)))
        stream = b"".join(
            frames.response(number, 200, b"text/plain\0", b"%d" % number * 50) for number in order
        )
        cuts = sorted(data.draw(st.sets(st.integers(1, len(stream) - 1), max_size=8)))
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
            worker.says(stream[start:end])
        for number, client in enumerate(clients, 1):
            assert client.reads() == [(200, b"%d" % number * 50)]


def test_an_answer_byte_by_byte(gateway: Bench):
    worker, client = gateway.instance(), gateway.client()
    client.sends(signed())
    for byte in frames.response(1, 200, b"text/plain\0", b"slowly"):
        worker.says(bytes([byte]))
    assert client.reads() == [(200, b"slowly")]


def test_an_answer_above_the_limit_leaves_nothing_for_the_next_one(
    gateway: Bench, monkeypatch: pytest.MonkeyPatch
):
    """Bytes of an answer that was cut off once stood in another request's error."""
    monkeypatch.setattr(frames, "PAYLOAD_MAX", 8)
    worker = gateway.instance()
    for number in (1, 2):
        client = gateway.client()
        client.sends(signed())
        worker.says(frames.response(number, 200, b"text/plain\0", b"a", frames.MORE))
        for _ in range(4):
            worker.says(frames.frame(frames.PART, number, b"secret", frames.MORE))
        worker.says(frames.frame(frames.PART, number, b"end"))
        ((status, body),) = client.reads()
        assert status == 424
        assert b"above the limit" in body
        assert b"secret" not in body
        assert b"end" not in body


def test_an_answer_in_parts_is_one_answer(gateway: Bench):
    worker, client = gateway.instance(), gateway.client()
    client.sends(signed())
    worker.says(frames.response(1, 200, b"text/plain\0", b"a", frames.MORE))
    worker.says(frames.frame(frames.PART, 1, b"b", frames.MORE))
    assert client.reads() == []
    worker.says(frames.frame(frames.PART, 1, b"c"))
    assert client.reads() == [(200, b"abc")]
    assert worker.link.unanswered == 0


def test_nothing_of_an_over_long_answer_reaches_anyone(gateway: Bench):
    """The pieces of one that was cut off were once kept for the next that was."""
    worker, client, other = gateway.instance(), gateway.client(), gateway.client()
    piece = b"secret" * 200_000
    client.sends(signed())
    worker.says(frames.response(1, 200, b"text/plain\0", piece, frames.MORE))
    for _ in range(frames.PAYLOAD_MAX // len(piece) + 3):
        worker.says(frames.frame(frames.PART, 1, piece, frames.MORE))
    worker.says(frames.frame(frames.PART, 1, b"the end"))
    other.sends(signed())
    worker.says(frames.response(2, 200, b"text/plain\0", b"", frames.MORE))
    for _ in range(frames.PAYLOAD_MAX // len(piece) + 3):
        worker.says(frames.frame(frames.PART, 2, bytes(len(piece)), frames.MORE))
    worker.says(frames.frame(frames.PART, 2, b"the end"))
    for asked in (client, other):
        ((status, body),) = asked.reads()
        assert status == 424
        assert b"above the limit" in body
        assert b"secret" not in body


def test_a_late_reply_to_a_given_up_request_is_dropped_by_its_id(gateway: Bench):
    worker = gateway.instance(credit=2)
    gone, stays = gateway.client(), gateway.client()
    gone.sends(signed(b"gone"))
    stays.sends(signed(b"stays"))
    gone.leaves()
    assert (frames.CANCEL, 1, b"") in worker.heard()
    worker.answers(1, b"too late")
    worker.answers(2, b"in time")
    assert stays.reads() == [(200, b"in time")]
    assert worker.link.unanswered == 0
    assert not worker.wire.closed


def test_a_client_that_left_makes_no_reply_raise(gateway: Bench):
    worker, client, other = gateway.instance(), gateway.client(), gateway.client()
    client.sends(signed())
    other.sends(signed())
    client.leaves()
    worker.says(
        frames.response(1, 200, b"text/plain\0", b"x") + frames.response(2, 200, b"\0", b"y")
    )
    assert other.reads() == [(200, b"y")]
    assert not worker.wire.closed


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 400))
def test_a_client_gone_at_any_byte_leaves_nothing_behind(cut):
    with bench() as made:
        worker, client = made.instance(), made.client()
        client.sends(signed()[:cut])
        client.leaves()
        for kind, request_id, _ in worker.heard():
            if kind == frames.REQUEST:
                worker.answers(request_id)
        assert not made.gateway.active
        assert not made.gateway.connections
        assert not made.pool.waiting
        assert worker.link.unanswered == 0
        other = made.client()
        other.sends(signed())
        worker.answers(*ids(worker))
        assert other.reads() == [(200, b"ok")]


@pytest.mark.parametrize(
    "words",
    [
        frames.HEADER.pack(0, frames.VERSION + 1, frames.RESPONSE, 0, 1),
        frames.HEADER.pack(frames.PAYLOAD_MAX + 1, frames.VERSION, frames.RESPONSE, 0, 1),
        frames.response(99, 200, b"", b""),
        frames.frame(frames.RESPONSE, 1, b"\xc8\x00\xff\xff"),
        frames.frame(frames.RESPONSE, 1, b"\xc8"),
        frames.frame(frames.CREDIT, 0, b""),
        frames.frame(frames.PART, 1, b"", frames.MORE) + frames.frame(frames.PART, 5, b""),
    ],
    ids=["version", "length", "unknown id", "meta length", "short", "credit", "stray part"],
)
def test_a_worker_that_breaks_the_protocol_loses_its_connection_only(gateway: Bench, words):
    worker, client = gateway.instance(), gateway.client()
    client.sends(signed())
    worker.says(words)
    assert worker.wire.closed
    assert [status for status, _ in client.reads()] == [424]
    assert gateway.dialled == [("i-1", 0)]


def test_unknown_frames_of_a_newer_worker_are_skipped(gateway: Bench):
    worker, client = gateway.instance(), gateway.client()
    worker.says(frames.frame(200, 5, b"news"))
    client.sends(signed())
    worker.answers(1)
    assert client.reads() == [(200, b"ok")]


def test_credit_is_a_window(gateway: Bench):
    worker = gateway.instance(credit=2)
    clients = [gateway.client() for _ in range(4)]
    for client in clients:
        client.sends(signed())
    assert ids(worker) == [1, 2]
    worker.answers(1)
    assert ids(worker) == [3]
    worker.says(frames.frame(frames.CREDIT, 0, frames.CREDIT_PAYLOAD.pack(1)))
    assert ids(worker) == [4]


def test_the_line_keeps_its_order_and_its_bounds():
    with bench(queue_max=2) as made:
        worker = made.instance(credit=1)
        clients = [made.client() for _ in range(5)]
        for number, client in enumerate(clients):
            client.sends(signed(b"%d" % number))
        assert [client.reads() for client in clients[:3]] == [[], [], []]
        assert [client.reads()[0][0] for client in clients[3:]] == [503, 503]
        clients[1].leaves()
        worker.answers(1)
        ((_, request_id, payload),) = [
            each for each in worker.heard()[1:] if each[0] == frames.REQUEST
        ]
        assert payload.endswith(b"2")
        worker.answers(request_id)
        assert made.pool.waiting_bytes == 0


def test_the_line_is_bounded_in_bytes():
    with bench(queue_bytes_max=1000) as made:
        made.instance(credit=0)
        first, second = made.client(), made.client()
        first.sends(signed(b"x" * 900))
        second.sends(signed(b"x" * 200))
        assert [status for status, _ in second.reads()] == [503]


def test_large_requests_leave_one_by_one_so_that_none_is_held_for_another():
    with bench(hash_inline_bytes_max=1 << 20) as made:
        worker, clients = made.instance(), [made.client() for _ in range(3)]
        for client, size in zip(clients, (300_000, 300_000, 10), strict=True):
            client.sends(signed(b"x" * size))
        assert len(made.pool.waiting) == 2
        assert [ids(worker), ids(worker), ids(worker)] == [[1], [2], [3]]
        worker.answers(1)
        worker.answers(2)
        worker.answers(3)
        assert [client.reads() for client in clients] == [[(200, b"ok")]] * 3


def test_requests_that_are_large_together_leave_some_by_some():
    """What is written in one turn is held by uvloop until all of it has left."""
    with bench(hash_inline_bytes_max=1 << 20) as made:
        worker, clients = made.instance(), [made.client() for _ in range(6)]
        worker.link.pause_writing()
        for client in clients:
            client.sends(signed(b"x" * 100_000))
        assert len(made.pool.waiting) == 6
        worker.link.resume_writing()
        assert [ids(worker), ids(worker), ids(worker)] == [[1, 2, 3], [4, 5, 6], []]


def test_a_body_keeps_its_room_until_it_has_left_though_its_client_is_gone():
    sizes = {"hash_inline_bytes_max": 1 << 20, "medium_bodies_bytes_max": 400_000}
    with bench(**sizes) as made:
        worker, first, second = made.instance(), made.client(), made.client()
        first.sends(signed(b"x" * 300_000))
        assert ids(worker) == [1]
        worker.link.pause_writing()  # the worker computes, and reads nothing
        worker.link.ping()  # no request: it changes nothing of what is leaving
        worker.heard()
        first.leaves()
        second.sends(signed(b"x" * 300_000)[:2000])
        assert not second.wire.reading
        worker.link.resume_writing()
        assert second.wire.reading


def test_a_body_that_two_workers_have_not_read_gives_its_room_back_once(tmp_path):
    shared = Page(tmp_path / "page")
    sizes = {"hash_inline_bytes_max": 1 << 20, "medium_bodies_bytes_max": 400_000}
    with bench(**sizes) as made:
        one, client, second = made.instance("i-1", page=shared.path), made.client(), made.client()
        client.sends(signed(b"x" * 300_000))
        assert ids(one) == [1]
        one.link.pause_writing()
        shared.write(taken=0)
        two = made.instance("i-2")
        one.link.target._pass_over(one.link)
        assert ids(two) == [1]
        two.link.pause_writing()
        client.leaves()
        second.sends(signed(b"x" * 300_000)[:2000])
        one.wire.close()
        assert not second.wire.reading
        two.wire.close()
        assert second.wire.reading


def test_nothing_more_is_written_than_a_socket_takes(gateway: Bench):
    worker, clients = gateway.instance(), [gateway.client() for _ in range(2)]
    worker.link.pause_writing()  # as the loop says while the socket is full
    for client in clients:
        client.sends(signed())
    assert ids(worker) == []
    assert len(gateway.pool.waiting) == 2
    worker.link.resume_writing()
    assert ids(worker) == [1, 2]


def test_the_least_busy_instance_is_chosen(gateway: Bench):
    one, two = gateway.instance("i-1"), gateway.instance("i-2")
    clients = [gateway.client() for _ in range(4)]
    for client in clients:
        client.sends(signed())
    assert (len(ids(one)), len(ids(two))) == (2, 2)
    one.answers(1)
    one.answers(2)
    clients[0].sends(signed()) if clients[0].reads() else clients[1].sends(signed())
    assert len(ids(one)) == 1


def test_a_refused_request_goes_elsewhere(gateway: Bench):
    one, two = gateway.instance("i-1"), gateway.instance("i-2")
    client = gateway.client()
    client.sends(signed())
    first, second = (one, two) if ids(one) else (two, one)
    first.says(frames.frame(frames.GOAWAY, 0) + frames.frame(frames.REFUSED, 1))
    second.answers(*ids(second), b"elsewhere")
    assert client.reads() == [(200, b"elsewhere")]


def test_a_request_that_nobody_takes_is_not_sent_for_ever(gateway: Bench):
    worker, client = gateway.instance(), gateway.client()
    client.sends(signed())
    for request_id in (1, 2, 3):
        worker.says(frames.frame(frames.REFUSED, request_id))
    assert [status for status, _ in client.reads()] == [503]


def test_what_was_not_taken_is_sent_again_though_another_gateway_s_was_taken_last(
    gateway: Bench, tmp_path
):
    shared = Page(tmp_path / "page")
    one = gateway.instance("i-1", page=shared.path)
    clients = [gateway.client() for _ in range(3)]
    for client in clients:
        client.sends(signed())
    shared.took(1, 1)
    shared.write(serial=2, taken=900)
    two = gateway.instance("i-2")
    one.wire.close()
    assert [status for status, _ in clients[0].reads()] == [424], "its answer may be on its way"
    for request_id in ids(two):
        two.answers(request_id, b"again")
    assert [client.reads() for client in clients[1:]] == [[(200, b"again")]] * 2


def test_one_whose_answer_has_begun_is_not_sent_again_whatever_the_page_says(
    gateway: Bench, tmp_path
):
    """The model's code can write there."""
    shared = Page(tmp_path / "page")
    one, client = gateway.instance("i-1", page=shared.path), gateway.client()
    client.sends(signed())
    assert ids(one) == [1]
    one.says(frames.response(1, 200, b"text/plain\0", b"x" * 1_000_000)[:500_000])
    shared.write(taken=0)
    two = gateway.instance("i-2")
    one.wire.close()
    assert ids(two) == []
    assert client.wire.closed


def test_after_a_death_only_what_was_not_taken_is_sent_again(gateway: Bench, tmp_path):
    shared = Page(tmp_path / "page")
    one = gateway.instance("i-1", page=shared.path)
    clients = [gateway.client() for _ in range(3)]
    for client in clients:
        client.sends(signed())
    shared.write(taken=1)
    two = gateway.instance("i-2")
    one.wire.close()
    assert [status for status, _ in clients[0].reads()] == [424]
    for request_id in ids(two):
        two.answers(request_id, b"again")
    assert [client.reads() for client in clients[1:]] == [[(200, b"again")]] * 2


@pytest.mark.parametrize("slot", [{"serial": 2, "taken": 0}, {"pid": 78}])
def test_where_it_cannot_be_known_nothing_is_repeated(gateway: Bench, tmp_path, slot):
    """Another gateway's connection wrote a page without more, or a successor of the worker did."""
    shared = Page(tmp_path / "page")
    shared.write(**slot)
    os.truncate(shared.path, page.SLOT_SIZE)
    worker, client = gateway.instance(page=shared.path), gateway.client()
    client.sends(signed())
    worker.wire.close()
    assert [status for status, _ in client.reads()] == [424]


class Instance:
    """An instance's folder, with a worker that has taken the only request."""

    def __init__(self, gateway: Bench, root) -> None:
        (root / "s").mkdir()
        self.folder = folder.open_folder(str(root))
        folder.write_json(self.folder, folder.SHIM, {})
        shared = Page(root / "s/page")
        self.worker, self.client = gateway.instance(page=shared.path), gateway.client()
        self.client.sends(signed())
        shared.write(taken=1)

    def died(self, why: str, pid: int = 77) -> None:
        folder.write_json(self.folder, folder.DEATH.format(0), {"pid": pid, "message": why})

    def answer(self) -> bytes:
        ((status, body),) = self.client.reads()
        assert status == 424
        return body


OOM = "worker 0 ran out of memory while it served (ml.t2.medium has 4 GiB)"


def test_a_worker_that_was_killed_for_memory_is_named_to_those_whose_requests_it_had_taken(
    gateway: Bench, tmp_path
):
    instance = Instance(gateway, tmp_path)
    instance.died(OOM)
    instance.worker.wire.close()
    assert OOM.encode() in instance.answer()


def test_the_shim_is_given_a_moment_to_say_why_a_worker_ended(
    gateway: Bench, tmp_path, monkeypatch
):
    monkeypatch.setattr(loss, "LOOK_S", 0.0)
    instance = Instance(gateway, tmp_path)
    instance.died("another's death", pid=76)
    instance.worker.wire.close()
    assert instance.client.reads() == []
    instance.died(OOM)
    gateway.gateway.loop.run_until_complete(asyncio.sleep(0))
    assert OOM.encode() in instance.answer()


def test_a_shim_that_says_nothing_is_not_waited_for_longer(gateway: Bench, tmp_path, monkeypatch):
    monkeypatch.setattr(loss, "LOOK_S", 0.0)
    instance = Instance(gateway, tmp_path)
    instance.worker.wire.close()
    for _ in range(loss.LOOKS + 1):
        gateway.gateway.loop.run_until_complete(asyncio.sleep(0))
    assert b"ended while it was computing the answer to this request." in instance.answer()


def test_a_client_that_leaves_meanwhile_is_forgotten(gateway: Bench, tmp_path, monkeypatch):
    monkeypatch.setattr(loss, "LOOK_S", 0.0)
    instance = Instance(gateway, tmp_path)
    instance.worker.wire.close()
    instance.client.leaves()
    instance.died(OOM)
    gateway.gateway.loop.run_until_complete(asyncio.sleep(0))
    assert instance.client.reads() == []


def test_a_worker_that_does_not_begin_is_passed_over(gateway: Bench, tmp_path):
    shared = Page(tmp_path / "page")
    shared.write(serial=0)
    one, client = gateway.instance("i-1", page=shared.path), gateway.client()
    client.sends(signed())
    two = gateway.instance("i-2")
    for _ in range(3):
        gateway.pool.targets[0].watch(0.5)
    assert not ids(two)
    gateway.pool.targets[0].watch(0.5)
    two.answers(*ids(two), b"from the other")
    assert client.reads() == [(200, b"from the other")]
    assert not one.link.available()
    one.says(frames.frame(frames.REFUSED, 1))  # it woke up and found the CANCEL
    assert one.link.available()


def test_a_worker_that_takes_in_a_large_request_is_not_passed_over(gateway: Bench, tmp_path):
    """Four bodies of 25 MB on a slow machine: it was idle and silent while it read them."""
    shared = Page(tmp_path / "page")
    shared.write(serial=0)
    worker, client = gateway.instance(page=shared.path), gateway.client()
    for number in range(20):  # each reads less than comes in, and yet it reads
        client = gateway.client()
        client.sends(signed(b"x" * 1000))
        worker.heard()
        worker.wire.unsent = 900 * (number + 1)
        gateway.pool.targets[0].watch(0.5)
    assert worker.link.available()
    for _ in range(3):
        gateway.pool.targets[0].watch(0.5)
    assert not worker.link.available()


def test_a_stopped_worker_is_passed_over_however_much_the_kernel_keeps_for_it(
    gateway: Bench, tmp_path
):
    shared = Page(tmp_path / "page")
    shared.write(serial=0)
    worker = gateway.instance(page=shared.path)
    for _ in range(4):
        assert worker.link.available()
        gateway.client().sends(signed())
        worker.heard()
        gateway.pool.targets[0].watch(0.5)
    assert not worker.link.available()


def test_a_gateway_that_was_kept_from_running_blames_no_worker(gateway: Bench, tmp_path):
    """What a worker says meanwhile is read only after the sweep that comes first."""
    shared = Page(tmp_path / "page")
    shared.write(serial=0)
    worker, client = gateway.instance(page=shared.path), gateway.client()
    fleet = gateway.gateway.fleet
    fleet._targets["i-1"] = worker.link.target
    client.sends(signed())
    for now in (0.0, 0.5, 60.0):
        fleet.sweep(monotonic() + now)
    assert worker.link.available()


def test_a_worker_that_computes_is_not_passed_over(gateway: Bench, tmp_path):
    shared = Page(tmp_path / "page")
    shared.write(taken=1, busy=1)
    worker, client = gateway.instance(page=shared.path), gateway.client()
    client.sends(signed())
    for _ in range(100):
        gateway.pool.targets[0].watch(0.5)
    worker.answers(1)
    assert client.reads() == [(200, b"ok")]


@pytest.mark.parametrize(
    ("busy", "state", "moved"),
    [
        (1, "stopped", 1),
        (1, "runnable", 0),
        (0, "runnable", 0),
        (0, "stopped", 2),
        (0, "", 2),
    ],
)
def test_of_a_silent_worker_the_kernel_says_whether_it_is_stopped_or_waits_for_a_processor(
    tmp_path, monkeypatch, busy: int, state: str, moved: int
):
    """``moved``: of its two requests, the first of which it is at where it is busy."""
    monkeypatch.setattr(stopped, "is_stopped", lambda _pid: state == "stopped")
    monkeypatch.setattr(stopped, "is_runnable", lambda _pid: state == "runnable")
    shared = Page(tmp_path / "page")
    shared.write(taken=busy, busy=busy)
    with bench() as gateway:
        worker = gateway.instance(page=shared.path)
        for _ in range(2):
            gateway.client().sends(signed())
        for _ in range(4):
            assert worker.link.available()
            gateway.pool.targets[0].watch(0.5)
        assert worker.link.available() == (moved == 0)
        other = gateway.instance("i-2")
        gateway.pool.pump()
        assert len(ids(other)) == moved


def test_an_idle_worker_is_asked_for_a_sign_of_life(gateway: Bench, tmp_path):
    shared = Page(tmp_path / "page")
    shared.write(serial=0)
    worker = gateway.instance(page=shared.path)
    target = gateway.pool.targets[0]
    target.probe()
    assert [kind for kind, _, _ in worker.heard()] == [frames.PING]
    for _ in range(4):
        assert target.reachable()
        target.watch(0.5)
    assert not target.reachable()
    worker.says(frames.frame(frames.PONG, 0))
    assert target.reachable()


def test_the_deadline_answers_and_cancels():
    with bench(invocation_s=60.0) as made:
        worker, client = made.instance(), made.client()
        client.sends(signed())
        made.gateway.sweep(monotonic() + 59)
        assert client.reads() == []
        made.gateway.sweep(monotonic() + 61)
        ((status, body),) = client.reads()
        assert status == 424
        assert b"timed out while waiting" in body
        assert worker.heard()[-1][0] == frames.CANCEL
        worker.answers(1, b"too late")
        client.sends(signed())
        worker.answers(2, b"next")
        assert client.reads() == [(200, b"next")]


def test_what_waits_past_its_deadline_is_refused(gateway: Bench):
    client = gateway.client()
    gateway.instance(credit=0)
    client.sends(signed())
    gateway.gateway.sweep(monotonic() + 61)
    assert [status for status, _ in client.reads()] == [503]
    assert not gateway.pool.waiting


def test_a_page_that_is_absent_or_short_is_no_page(gateway: Bench, tmp_path):
    (tmp_path / "page").write_bytes(b"")
    for path in (str(tmp_path / "page"), str(tmp_path / "absent"), os.devnull):
        worker = gateway.instance(page=path)
        assert worker.link.target.read_page(0) is None
