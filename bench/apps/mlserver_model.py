"""A custom runtime of MLServer that takes and gives plain JSON."""

import os
from typing import Any

import predictors
from mlserver import MLModel
from mlserver.handlers import custom_handler


class Bench(MLModel):
    async def load(self) -> bool:
        self._kind = os.environ["BENCH_MODEL"]
        self._rows_to_predictions = predictors.chosen()
        return True

    @custom_handler(rest_path="/bench")
    async def invoke(self, payload: dict[str, Any]) -> dict[str, Any]:
        return predictors.answer(self._kind, self._rows_to_predictions, payload["instances"])
