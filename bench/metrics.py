"""Reading metrics beside many: ten series over three hours at 60 s (`python -m bench.metrics`).

By GetMetricData's handler, from parsed parameters to the values of the answer, and beside it what
of that is the store's: the points read and put together.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from hostler.api.cloudwatch import data
from hostler.api.registry import Call
from hostler.domain.ids import AccountId, Region
from hostler.domain.snapshot import Principal
from hostler.store.database import Store, Transaction
from hostler.telemetry import metrics, points, timelines
from hostler.telemetry.metric_schema import points as rows
from hostler.telemetry.metric_schema import series
from hostler.telemetry.metrics import Metric, Sample

SERIES = 1000
NOW = 1_700_000_040
SPAN_S = 3 * 3600
READS = 20
TEN = range(0, SERIES, SERIES // 10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=10_000_000)
    stored = parser.parse_args().points
    with tempfile.TemporaryDirectory() as folder:
        store = Store.at(Path(folder) / "metrics.db", tables=metrics.metadata)
        store.create_tables()
        names = [metrics.metric("1", "r", "Bench", f"m{n:04}", []) for n in range(SERIES)]
        begun = time.perf_counter()
        _fill(store, names, stored // SERIES)
        filled_s = time.perf_counter() - begun
        size = (Path(folder) / "metrics.db").stat().st_size
        print(f"{stored} points in {filled_s:.0f} s, {size / stored:.0f} bytes each")
        for statistic in ("Average", "p99"):
            _tell(f"store, {statistic}", partial(_read, store, names, statistic))
            _tell(f"GetMetricData, {statistic}", partial(_ask, store, names, statistic))
        _tell("GetMetricData, SEARCH of all", partial(_search, store))
        store.close()


def _tell(what: str, once: Callable[[], float]) -> None:
    times = sorted(once() for _ in range(READS))
    median, worst = times[READS // 2] * 1000, times[-1] * 1000
    print(f"{what}, ten series: median {median:.0f} ms, worst {worst:.0f} ms", flush=True)


def _fill(store: Store, names: list[Metric], each: int) -> None:
    point = points.of_values((1000.0 + 37 * n, 1.0) for n in range(60))
    first = [Sample(name, NOW, 60, "None", point) for name in names]
    store.run(lambda tx: metrics.put(tx, first, NOW), write=True)
    ids = store.run(lambda tx: list(tx.execute(select(series.c.id)).scalars()))
    columns: dict[str, object] = {
        "resolution_s": 60,
        "unit": 0,
        "number": point.count,
        "total": point.total,
    }
    columns |= {"least": point.least, "greatest": point.greatest, "sketch": point.encoded()}

    def fill(tx: Transaction) -> None:
        for series_id in ids:
            values = [
                {"series_id": series_id, "time_s": NOW - 60 * back, **columns}
                for back in range(1, each)
            ]
            tx.execute(insert(rows), values)

    store.run(fill, write=True)


def _ask(store: Store, names: list[Metric], statistic: str) -> float:
    """Seconds for ten lines of an answer."""
    metrics_ = [{"Namespace": name.namespace, "MetricName": name.name} for name in _ten(names)]
    queries = [
        {"Id": f"m{n}", "MetricStat": {"Metric": metric, "Period": 60, "Stat": statistic}}
        for n, metric in enumerate(metrics_)
    ]
    return _answered(store, queries)


def _search(store: Store) -> float:
    """Seconds for the ten lines that a search of all series finds."""
    text = (
        "SEARCH('{Bench} MetricName=(" + " OR ".join(f'"m{n:04}"' for n in TEN) + ")', 'Sum', 60)"
    )
    return _answered(store, [{"Id": "m", "Expression": text}])


def _answered(store: Store, queries: list[dict[str, Any]]) -> float:
    params = {"MetricDataQueries": queries, "StartTime": NOW - SPAN_S, "EndTime": NOW + 60}
    who = Principal("arn:aws:iam::1:root", "1", "1", "root", is_root=True)
    account, region = AccountId("1"), Region("r")
    call = Call("cloudwatch", "GetMetricData", account, region, who, params, NOW + 60, "bench")
    begun = time.perf_counter()
    answer = store.run(lambda tx: data.get(tx, call))
    spent_s = time.perf_counter() - begun
    found = [len(each["Values"]) for each in answer["MetricDataResults"]]
    assert found == [SPAN_S // 60 + 1] * 10, found
    return spent_s


def _ten(names: list[Metric]) -> list[Metric]:
    return [names[n] for n in TEN]


def _read(store: Store, names: list[Metric], statistic: str) -> float:
    """Seconds for ten lines."""
    times = timelines.grid(NOW - SPAN_S, NOW + 60, 60)

    def read(tx: Transaction) -> int:
        found = 0
        for name in _ten(names):
            readings = metrics.read(
                tx,
                name,
                period_s=60,
                start_s=times.start,
                end_s=times.stop,
                sketches=statistic.startswith("p"),
            )
            found += len(timelines.line(readings, times, statistic, "").values)
        return found

    begun = time.perf_counter()
    assert store.run(read) == 10 * len(times)
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
