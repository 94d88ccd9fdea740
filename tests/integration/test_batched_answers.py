"""Callers whose requests are predicted together each get the answer for their own rows."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

import pytest
from botocore.exceptions import ClientError

from archives import archive
from deploying import deploy
from frameworks import run_in
from running import Running, eventually, hostler

Rows: TypeAlias = list[list[float]]
Requests: TypeAlias = list[tuple[Rows, list[float]]]
"""What one caller asks in turn, each with its answer."""

CALLERS, EACH = 64, 5
PREDICTED = "finished"
"""How a verbose forest ends what it says: once a prediction, however many rows it is for."""
# A prediction of so many trees takes longer than a few callers need to ask: others are in line.
MODEL = """
import json, pickle, sys
import numpy
from sklearn.ensemble import RandomForestRegressor

folder, callers, each = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
draw = numpy.random.default_rng(4)
X, y = draw.uniform(-1, 8, (500, 4)), draw.uniform(0, 1, 500)
forest = RandomForestRegressor(300, max_depth=6, n_jobs=1, random_state=0).fit(X, y)
asked = [draw.uniform(-1, 8, (1 + n % 3, 4)) for n in range(callers * each)]
ends = numpy.cumsum([len(rows) for rows in asked])[:-1]
answers = numpy.split(forest.predict(numpy.concatenate(asked)), ends)
pairs = [(rows.tolist(), answer.tolist()) for rows, answer in zip(asked, answers)]
json.dump([pairs[n::callers] for n in range(callers)], sys.stdout)
forest.verbose = 1
pickle.dump(forest, open(f"{folder}/model.pkl", "wb"))
"""


@pytest.fixture
def server() -> Iterator[Running]:
    with hostler() as running:
        yield running


def ask(server: Running, endpoint: str, rows: Rows) -> list[float]:
    answer = server.client("sagemaker-runtime", max_pool_connections=CALLERS).invoke_endpoint(
        EndpointName=endpoint, ContentType="application/json", Body=json.dumps(rows)
    )
    predictions: list[float] = json.loads(answer["Body"].read())
    return predictions


def predictions(server: Running, endpoint: str, columns: int) -> int:
    """How many the model's one worker has made so far, by its log.

    A row of too many columns is refused in a line of its own, behind those of all predictions.
    """
    refusal = f"X has {columns} features"
    with pytest.raises(ClientError, match=refusal):
        ask(server, endpoint, [[0.0] * columns])
    logs = server.client("logs")

    def look() -> list[str] | None:
        try:
            found = logs.filter_log_events(logGroupName=f"/aws/sagemaker/Endpoints/{endpoint}")
        except logs.exceptions.ResourceNotFoundException:  # nothing of it is brought in yet
            return None
        lines = [event["message"] for event in found["events"]]
        return lines if any(refusal in line for line in lines) else None

    lines = eventually(f"the log says {refusal!r}", look)
    return sum(line.endswith(PREDICTED) for line in lines)


def test_each_of_many_callers_gets_its_own_rows_answers_from_shared_predictions(
    server: Running, tmp_path: Path
) -> None:
    asked: list[Requests] = json.loads(
        run_in("scikit-learn", MODEL, tmp_path, str(CALLERS), str(EACH))
    )
    answers = [number for requests in asked for _, expected in requests for number in expected]
    assert len(set(answers)) == len(answers), "another's answer would look right"
    model = archive({"model.pkl": (tmp_path / "model.pkl").read_bytes()})
    one_worker = {"SAGEMAKER_MODEL_SERVER_WORKERS": "1"}
    endpoint = deploy(server, "forest", model, environment=one_worker)

    for rows, expected in asked[0]:
        assert ask(server, endpoint, rows) == expected
    alone = predictions(server, endpoint, columns=5)
    assert alone == EACH, "who asks alone is not counted as one prediction"
    start = threading.Barrier(CALLERS)

    def call(requests: Requests) -> list[list[float]]:
        start.wait(60)
        return [ask(server, endpoint, rows) for rows, _ in requests]

    with ThreadPoolExecutor(CALLERS) as callers:
        got = list(callers.map(call, asked))
    assert got == [[expected for _, expected in requests] for requests in asked]
    together = predictions(server, endpoint, columns=6) - alone
    assert 0 < together < CALLERS * EACH * 3 / 4, "nearly all were predicted alone"
