"""Reading metrics beside many: ten series over three hours at 60 s (`python -m bench.metrics`)."""

import argparse
import tempfile
import time
from pathlib import Path

from sqlalchemy import insert, select

from hostler.store.database import Store, Transaction
from hostler.telemetry import metrics, points, timelines
from hostler.telemetry.metric_schema import points as rows
from hostler.telemetry.metric_schema import series
from hostler.telemetry.metrics import Metric, Sample

SERIES = 1000
NOW = 1_700_000_040
SPAN_S = 3 * 3600
READS = 20


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
            times = sorted(_read(store, names, statistic) for _ in range(READS))
            print(
                f"ten series, {statistic}: median {times[READS // 2] * 1000:.0f} ms, "
                f"worst {times[-1] * 1000:.0f} ms"
            )
        store.close()


def _fill(store: Store, names: list[Metric], each: int) -> None:
    point = points.of_values((1000.0 + 37 * n, 1.0) for n in range(60))
    first = [Sample(name, NOW, 60, "None", point) for name in names]
    store.run(lambda tx: metrics.put(tx, first, NOW), write=True)
    ids = store.run(lambda tx: list(tx.execute(select(series.c.id)).scalars()))
    columns = {"resolution_s": 60, "unit": 0, "number": point.count, "total": point.total}
    columns |= {"least": point.least, "greatest": point.greatest, "sketch": point.encoded()}

    def fill(tx: Transaction) -> None:
        for series_id in ids:
            values = [
                {"series_id": series_id, "time_s": NOW - 60 * back, **columns}
                for back in range(1, each)
            ]
            tx.execute(insert(rows), values)

    store.run(fill, write=True)


def _read(store: Store, names: list[Metric], statistic: str) -> float:
    """Seconds for ten lines."""
    times = timelines.grid(NOW - SPAN_S, NOW + 60, 60)

    def read(tx: Transaction) -> int:
        found = 0
        for name in names[:: SERIES // 10]:
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
