import json
import math
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from botocore.exceptions import ClientError

from hostler.toolkit.connection import Connection
from hostler.toolkit.credentials import Key
from hostler.toolkit.parity import Answer, beside, compare, rows


@pytest.mark.parametrize(
    ("name", "content", "asked", "kind"),
    [
        ("a.csv", b"1,2\n\n3,4\n", [b"1,2", b"3,4"], "text/csv"),
        ("a.jsonl", b'{"x": 1}\n[2]\n', [b'{"x": 1}', b"[2]"], "application/json"),
        ("a.json", b"[[1, 2], {}]", [b"[1, 2]", b"{}"], "application/json"),
        ("a.json", b'{"features": []}', [b'{"features": []}'], "application/json"),
        ("a.bin", b"\0\1", [b"\0\1"], "application/octet-stream"),
    ],
)
def test_a_file_is_a_row_for_each_line_or_element(
    tmp_path: Path, name: str, content: bytes, asked: list[bytes], kind: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert rows(path, None) == (asked, kind)
    assert rows(path, "text/plain")[1] == "text/plain"


def answer(value: object, status: int = 200) -> Answer:
    return Answer(status, value if isinstance(value, bytes) else json.dumps(value).encode())


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        (answer([1.0, 2.0]), answer([1, 2.0000001]), 5e-8),
        (answer([[0.5]]), answer([[0.25]]), 0.5),
        (answer({"a": [1]}), answer({"a": [1]}), 0.0),
        (answer({"a": 1}), answer({"b": 1}), math.inf),
        (answer([1]), answer([1, 2]), math.inf),
        (answer(["x"]), answer(["y"]), math.inf),
        (answer([True]), answer([1]), math.inf),
        (answer([math.nan]), answer([math.nan]), 0.0),
        (answer(b"0.1,a\n"), answer(b"0.1,a"), 0.0),
        (answer(b"0.1,a"), answer(b"0.2,a"), 0.5),
        (answer(b"\xff"), answer(b"\xfe"), math.inf),
        (answer(b"no", 400), answer(b"never", 400), 0.0),
        (answer(b"no", 400), answer(b"no", 415), math.inf),
        (answer([0]), answer(b"no", 400), math.inf),
    ],
)
def test_answers_are_compared_by_what_they_say(one: Answer, other: Answer, apart: float) -> None:
    verdict = compare([one], [other], 1e-6)
    assert verdict.apart_max == pytest.approx(apart, rel=1e-3)
    assert len(verdict.different) == (apart > 1e-6)


class Hosting(BaseHTTPRequestHandler):
    """An endpoint that is in service, for which a config cannot be deleted."""

    asked: ClassVar[list[str]] = []
    answers: ClassVar[dict[str, object]] = {
        "DescribeEndpoint": {"EndpointConfigName": "c", "EndpointStatus": "InService"},
        "DescribeEndpointConfig": {
            "ProductionVariants": [{"VariantName": "main", "ModelName": "m"}]
        },
        "DescribeModel": {"PrimaryContainer": {"Image": "i"}, "ExecutionRoleArn": "a" * 20},
    }

    def do_POST(self) -> None:
        operation = self.headers["X-Amz-Target"].partition(".")[2]
        self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append(operation)
        refused = operation == "DeleteEndpointConfig"
        body = json.dumps({"__type": "Busy"} if refused else self.answers.get(operation, {}))
        self.send_response(400 if refused else 200)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hosting() -> Iterator[Connection]:
    key = Key("root", "root", "AKIAEXAMPLE", "secret")
    with ThreadingHTTPServer(("127.0.0.1", 0), Hosting) as server:
        serving = threading.Thread(target=server.serve_forever, daemon=True)
        serving.start()
        yield Connection(f"http://127.0.0.1:{server.server_port}", "us-east-1", "1" * 12, key)
        server.shutdown()
        serving.join()


def test_a_deletion_that_fails_keeps_no_other_from_being_done(hosting: Connection) -> None:
    Hosting.asked.clear()
    with pytest.raises(ClientError, match="Busy"), beside(hosting, "e", "main", "other"):
        pass
    deleted = [each for each in Hosting.asked if each.startswith("Delete")]
    assert deleted == ["DeleteEndpoint", "DeleteEndpointConfig", "DeleteModel"]
