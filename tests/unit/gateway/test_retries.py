"""What is lost on its way to an instance goes to another: once, and within the budget."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gateway_pieces import Bench, Client, Worker, bench, signed
from hostler.gateway import retries
from hostler.gateway.retries import RetryBudget
from hostler.modelserver import frames, page


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 100)), max_size=60))
def test_retries_are_a_tenth_of_what_was_sent_and_a_burst_beyond_it(steps) -> None:
    budget, sent, granted = RetryBudget(), 0, 0
    for more, asked in steps:
        sent += more
        granted += sum(budget.take(sent) for _ in range(asked))
        assert granted <= retries.BURST + retries.SHARE * sent


def test_a_budget_that_is_used_up_comes_back_with_the_traffic() -> None:
    budget = RetryBudget()
    assert sum(budget.take(0) for _ in range(1000)) == retries.BURST
    assert not budget.take(9)
    assert [budget.take(10), budget.take(10)] == [True, False]
    assert sum(budget.take(10_000_000) for _ in range(1000)) == retries.BURST


def test_a_count_that_goes_back_gives_nothing() -> None:
    """An instance that retires takes its count along until its connections end."""
    budget = RetryBudget()
    while budget.take(1000):
        pass
    assert not budget.take(400)
    assert not budget.take(1000)


def untaken_page(path: Path) -> str:
    """A shared page whose worker has taken nothing."""
    page.create(str(path), 1)
    page.SLOT.pack_into(
        page.open_page(str(path), write=True), 0, page.VERSION, page.READY, 0, 1, 0, 0, 77, 0
    )
    return str(path)


def asked(gateway: Bench, count: int = 1) -> list[Client]:
    clients = [gateway.client() for _ in range(count)]
    for client in clients:
        client.sends(signed())
    return clients


def ids(worker: Worker) -> list[int]:
    return [request_id for kind, request_id, _ in worker.heard() if kind == frames.REQUEST]


def statuses(clients: list[Client]) -> list[int]:
    return [status for client in clients for status, _ in client.reads()]


def test_what_is_lost_twice_is_refused(tmp_path: Path) -> None:
    with bench() as gateway:
        path = untaken_page(tmp_path / "page")
        one = gateway.instance("i-1", page=path)
        clients = asked(gateway)
        two = gateway.instance("i-2", page=path)
        one.wire.close()
        assert ids(two) == [1]
        gateway.instance("i-3", page=path)
        two.wire.close()
        assert statuses(clients) == [503]


def test_beyond_the_budget_it_is_refused_with_the_time_to_come_back(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(retries, "BURST", 2)
    with bench() as gateway:
        one = gateway.instance("i-1", page=untaken_page(tmp_path / "page"))
        clients = asked(gateway, 4)
        two = gateway.instance("i-2")
        one.wire.close()
        assert len(ids(two)) == 2
        refused = [client.wire.written for client in clients if client.wire.written]
        assert len(refused) == 2
        for answer in refused:
            assert answer.startswith(b"HTTP/1.1 503 ")
            assert b"x-amzn-ErrorType: ServiceUnavailable\r\n" in answer
            assert b"Retry-After: 1\r\n" in answer


def test_what_was_sent_earns_a_tenth_of_it(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(retries, "BURST", 10)
    with bench() as gateway:
        path = untaken_page(tmp_path / "page")
        one = gateway.instance("i-1", page=path)
        asked(gateway, 10)
        two = gateway.instance("i-2", page=path)
        one.wire.close()
        lost = ids(two)
        assert len(lost) == 10, "the burst, and nothing is left of it but the tenth of ten"
        for request_id in lost:
            two.answers(request_id)
        answered = asked(gateway, 50)
        for request_id in ids(two):
            two.answers(request_id)
        assert statuses(answered) == [200] * 50
        clients = asked(gateway, 20)
        three = gateway.instance("i-3")
        two.wire.close()
        assert len(ids(three)) == 8, "a tenth of 90 sent since, themselves included"
        assert statuses(clients) == [503] * 12


def test_what_a_draining_instance_gives_back_costs_no_budget(monkeypatch) -> None:
    """An update drains a whole fleet: none of it may be refused."""
    monkeypatch.setattr(retries, "BURST", 0)
    with bench() as gateway:
        one = gateway.instance("i-1")
        clients = asked(gateway, 5)
        two = gateway.instance("i-2")
        one.says(frames.frame(frames.GOAWAY, 0))
        for request_id in ids(one):
            one.says(frames.frame(frames.REFUSED, request_id))
        for request_id in ids(two):
            two.answers(request_id)
        assert statuses(clients) == [200] * 5
