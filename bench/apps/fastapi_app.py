"""The peer: FastAPI as its documentation says for production, one process, the model in it."""

import os
from typing import Any

import predictors
from fastapi import FastAPI, Request, Response

app = FastAPI()
MODEL = os.environ["BENCH_MODEL"]
PREDICT = predictors.chosen()

if MODEL == "echo":

    @app.post("/endpoints/echo/invocations")
    async def echo(request: Request) -> Response:
        return Response(await request.body(), media_type="application/json")

else:

    @app.post(f"/endpoints/{MODEL}/invocations")
    async def invoke(request: Request) -> dict[str, Any]:
        return predictors.answer(MODEL, PREDICT, (await request.json())["instances"])
