"""Whether two versions of a framework answer alike: one model, two endpoints, the same rows.

Invariant: what is made for the comparison is deleted again, whatever ends it; the compared endpoint
is only called.
"""

import csv
import io
import json
import math
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hostler.toolkit import deploy
from hostler.toolkit.connection import Connection

READY_WITHIN_S = 600.0
_TYPES = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".jsonl": "application/json",
    ".ndjson": "application/json",
    ".npy": "application/x-npy",
    ".libsvm": "text/libsvm",
    ".txt": "text/plain",
}
_A_LINE_EACH = (".csv", ".jsonl", ".ndjson", ".libsvm")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said to a row: a body, or the status of its refusal."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that was answered in two ways."""

    row: int
    one: Answer
    other: Answer
    apart: float
    """The greatest relative distance between two numbers; infinite for what is no number."""


@dataclass(frozen=True, slots=True)
class Verdict:
    rows: int
    different: tuple[Difference, ...]
    apart_max: float
    """Over all rows, also those that count as the same."""


def rows(path: Path, content_type: str | None) -> tuple[list[bytes], str]:
    """A file's requests and their content type: a line each, an element of a JSON list, or all."""
    suffix = path.suffix.lower()
    kind = content_type or _TYPES.get(suffix, "application/octet-stream")
    data = path.read_bytes()
    if suffix in _A_LINE_EACH:
        return [line for line in data.splitlines() if line.strip()], kind
    if suffix == ".json":
        value = json.loads(data)
        if isinstance(value, list):
            return [json.dumps(each).encode() for each in value], kind
    return [data], kind


@contextmanager
def beside(connection: Connection, endpoint: str, variant: str, image: str) -> Iterator[str]:
    """A second endpoint with a variant's model on another image; deleted at the end.

    Raises:
        deploy.DeploymentError: it does not come into service.
    """
    client = connection.client("sagemaker")
    config = client.describe_endpoint_config(
        EndpointConfigName=client.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    )
    chosen = next(each for each in config["ProductionVariants"] if each["VariantName"] == variant)
    model = client.describe_model(ModelName=chosen["ModelName"])
    name = f"parity-{uuid.uuid4().hex[:12]}"
    given = {key: model[key] for key in ("EnableNetworkIsolation", "VpcConfig") if model.get(key)}
    container = {**model["PrimaryContainer"], "Image": image}
    with ExitStack() as made:  # whichever deletion fails, the others are done
        client.create_model(
            ModelName=name,
            PrimaryContainer=container,
            ExecutionRoleArn=model["ExecutionRoleArn"],
            **given,
        )
        made.callback(client.delete_model, ModelName=name)
        client.create_endpoint_config(
            EndpointConfigName=name,
            ProductionVariants=[{**chosen, "ModelName": name, "InitialInstanceCount": 1}],
        )
        made.callback(client.delete_endpoint_config, EndpointConfigName=name)
        client.create_endpoint(EndpointName=name, EndpointConfigName=name)
        made.callback(client.delete_endpoint, EndpointName=name)
        made.callback(_settle, client, name)
        deploy.wait(connection, name, READY_WITHIN_S)
        yield name


def _settle(client: Any, endpoint: str) -> None:
    """Wait until an endpoint may be deleted: AWS refuses it while it is being created."""
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        try:
            described = client.describe_endpoint(EndpointName=endpoint)
        except client.exceptions.ClientError:
            return
        if described["EndpointStatus"] != "Creating":
            return
        time.sleep(deploy.POLL_S)


def ask(
    connection: Connection, endpoint: str, requests: Sequence[bytes], how: dict[str, Any]
) -> list[Answer]:
    """An endpoint's answers, one after the other; ``how`` are further parameters of the calls."""
    client = connection.client("sagemaker-runtime", retries=1)
    answers = []
    for body in requests:
        try:
            response = client.invoke_endpoint(EndpointName=endpoint, Body=body, **how)
        except client.exceptions.ModelError as error:
            said = error.response.get("OriginalMessage", "").encode()
            answers.append(Answer(int(error.response.get("OriginalStatusCode", 500)), said))
        else:
            answers.append(Answer(200, response["Body"].read()))
    return answers


def compare(ones: Sequence[Answer], others: Sequence[Answer], tolerance: float) -> Verdict:
    """Row by row: numbers may lie ``tolerance`` apart, relatively; all else must be equal."""
    different = []
    apart_max = 0.0
    for number, (one, other) in enumerate(zip(ones, others, strict=True), 1):
        distance = _apart(one, other)
        apart_max = max(apart_max, distance)
        if distance > tolerance:
            different.append(Difference(number, one, other, distance))
    return Verdict(len(ones), tuple(different), apart_max)


def _apart(one: Answer, other: Answer) -> float:
    if one.status != other.status:
        return math.inf
    if one == other or one.status != 200:
        return 0.0  # two refusals: their words may differ with the version
    return _distance(_values(one.body), _values(other.body))


def _values(body: bytes) -> Any:
    """JSON, else rows of CSV; bytes where it is neither."""
    try:
        return json.loads(body)
    except ValueError:
        pass
    try:
        return [list(map(_cell, row)) for row in csv.reader(io.StringIO(body.decode()))]
    except (UnicodeDecodeError, csv.Error):
        return body


def _cell(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _distance(one: Any, other: Any) -> float:
    match one, other:
        case dict(), dict() if one.keys() == other.keys():
            return max((_distance(one[key], other[key]) for key in one), default=0.0)
        case list(), list() if len(one) == len(other):
            return max(map(_distance, one, other), default=0.0)
        case (bool(), _) | (_, bool()):
            return 0.0 if one is other else math.inf
        case (int() | float(), int() | float()):
            if one == other or (math.isnan(one) and math.isnan(other)):
                return 0.0
            gap = abs(one - other) / max(abs(one), abs(other))
            return math.inf if math.isnan(gap) else gap
        case _:
            return 0.0 if one == other else math.inf
