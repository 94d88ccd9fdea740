"""The report of the way from zero."""

from bench import serverless


def test_what_callers_heard_is_counted_by_its_kind() -> None:
    throttled = b"HTTP/1.1 400 Bad Request\r\nx-amzn-ErrorType: ThrottlingException\r\n\r\n{}"
    assert serverless.said(throttled) == "ThrottlingException"
    assert serverless.said(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") == "200"
    assert serverless.said(b"") == "no answer"


def test_the_table_has_every_figure() -> None:
    found = {
        "machine": {"cpus": 2, "load_average_before": 0.5},
        "first_byte_ms": {
            "p50": 41.0,
            "p90": 52.0,
            "least": 40.1,
            "greatest": 61.0,
            "awake_p50": 0.4,
        },
        "without_spares_ms": {"p50": 64.0, "p90": 80.5, "least": 58.0, "greatest": 99.0},
        "callers": {
            "callers": 1000,
            "answers": {"ThrottlingException": 800, "200": 200},
            "starts": 1,
            "last_answer_ms": 90.5,
        },
    }
    lines = serverless.table(found).splitlines()
    assert "| from zero to the first byte, ms | p50 | 41.0 |" in lines
    assert "| the same without spares, ms | p50 | 64.0 |" in lines
    assert "|  | least, greatest | 58.0, 99.0 |" in lines
    assert "| 1000 callers at once | answers | 200 200, 800 ThrottlingException |" in lines
    assert "|  | starts | 1 |" in lines
    assert lines[-1] == "2 CPUs, load average 0.5."
