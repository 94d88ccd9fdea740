"""A BentoML service with one worker; models in adaptive batches.

A batchable API takes a list of rows and gives a list of predictions, which is the whole answer.
"""

import os
from typing import Any

import bentoml
import predictors

MODEL = os.environ["BENCH_MODEL"]
HOW: dict[str, Any] = {"route": f"/endpoints/{MODEL}/invocations"}
if MODEL in predictors.BATCHED:
    HOW |= {"batchable": True, "max_batch_size": 32}


@bentoml.service(workers=1, logging={"access": {"enabled": False}})
class Bench:
    def __init__(self) -> None:
        self.rows_to_predictions = predictors.chosen()

    @bentoml.api(**HOW)
    def predict(self, instances: list[Any]) -> list[Any]:
        return self.rows_to_predictions(instances)
