"""A custom runtime of MLServer that takes and gives plain JSON."""

import json
import os

import predictors
from fastapi import Request, Response
from mlserver import MLModel
from mlserver.handlers import custom_handler


class Bench(MLModel):
    async def load(self) -> bool:
        self._kind = os.environ["BENCH_MODEL"]
        self._rows_to_predictions = predictors.chosen()
        return True

    @custom_handler(rest_path="/bench")
    async def invoke(self, request: Request) -> Response:
        rows = json.loads(await request.body())["instances"]
        answer = predictors.answer(self._kind, self._rows_to_predictions, rows)
        return Response(json.dumps(answer), media_type="application/json")
