"""Call sequences of tools that are not here, as cases in `recorded/`, sent as raw HTTP.

A step is a call with its request; ``response`` is what must be in the answer, ``absent`` what must
not, ``error`` a code and a part of its message; ``until`` and ``until_error`` repeat the call.
"""

import http.client
import json
import string
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from archives import ECHO, script
from deploying import put
from running import ACCOUNT, GENERIC_IMAGE, REGION, ROLE, Running, eventually, hostler

CASES = sorted((Path(__file__).parent / "recorded").glob("*.json"))


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with hostler() as running:
        yield running


@pytest.fixture(scope="module")
def outcomes(server: Running) -> dict[str, str]:
    """Every case's mishap, if any; the cases are replayed side by side."""
    values = {
        "region": REGION,
        "account": ACCOUNT,
        "role": ROLE,
        "image": GENERIC_IMAGE,
        "model_data": put(server, "recorded", script(ECHO)),
    }

    def replayed(path: Path) -> str:
        case = json.loads(string.Template(path.read_text()).substitute(values))
        try:
            Replay(server, case["headers"]).run(case["steps"])
        except AssertionError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(len(CASES)) as pool:
        return dict(zip([path.stem for path in CASES], pool.map(replayed, CASES), strict=True))


@dataclass(frozen=True)
class Replay:
    server: Running
    headers: Mapping[str, str]

    def run(self, steps: list[dict[str, Any]]) -> None:
        phase = ""
        for number, step in enumerate(steps):
            if "phase" in step:
                phase = step["phase"]
                continue
            where = f"{phase}, step {number}, {step['call']} {json.dumps(step['request'])}"
            self._step(where, step)

    def _step(self, where: str, step: dict[str, Any]) -> None:
        def call() -> tuple[int, dict[str, Any]]:
            return self._call(step["call"], step["request"])

        if "until_error" in step:
            eventually(where, lambda: _fails(call(), step["until_error"]), 120.0)
            return
        if "error" in step:
            answer = call()
            assert _fails(answer, step["error"]), f"{where}: {answer}"
            return
        if "until" in step:
            eventually(where, lambda: _within(step["until"], call()[1]), 120.0)
        status, document = call()
        assert status == 200, f"{where}: {document}"
        assert _within(step.get("response", {}), document), f"{where}: {document}"
        present = [name for name in step.get("absent", []) if name in document]
        assert not present, f"{where}: {present}"

    def _call(self, operation: str, request: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        exports = self.server.exports("deployer")
        made = AWSRequest(
            "POST",
            f"{self.server.url}/",
            {
                **self.headers,
                "Content-Type": "application/x-amz-json-1.1",
                "X-Amz-Target": f"SageMaker.{operation}",
            },
            json.dumps(request).encode(),
        )
        key = Credentials(exports["AWS_ACCESS_KEY_ID"], exports["AWS_SECRET_ACCESS_KEY"])
        SigV4Auth(key, "sagemaker", REGION).add_auth(made)
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=70)
        connection.request("POST", "/", made.body, dict(made.headers.items()))
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text) if text else {}


def _fails(answer: tuple[int, dict[str, Any]], expected: list[str]) -> bool:
    status, document = answer
    code, text = expected
    message = document.get("message", document.get("Message", ""))
    return status == 400 and document.get("__type", "").endswith(code) and text in message


def _within(expected: Any, found: Any) -> bool:
    """Objects may hold more than is expected; all else is the same."""
    if isinstance(expected, dict):
        return isinstance(found, dict) and all(
            name in found and _within(value, found[name]) for name, value in expected.items()
        )
    if isinstance(expected, list):
        return (
            isinstance(found, list)
            and len(found) == len(expected)
            and all(map(_within, expected, found))
        )
    return bool(expected == found)


@pytest.mark.parametrize("case", [path.stem for path in CASES])
def test_a_recorded_sequence_is_answered_as_its_tool_expects(
    outcomes: dict[str, str], case: str
) -> None:
    assert not outcomes[case]
