"""The peer: FastAPI as its documentation says for production, one process, the model in it."""

import os

import joblib
import numpy as np
from fastapi import FastAPI, Request, Response

app = FastAPI()
MODEL = joblib.load(os.environ["BENCH_MODEL"])


@app.post("/endpoints/echo/invocations")
async def echo(request: Request) -> Response:
    return Response(await request.body(), media_type="application/json")


@app.post("/endpoints/logistic/invocations")
async def logistic(request: Request) -> dict[str, list[int]]:
    rows = np.asarray((await request.json())["instances"])
    return {"predictions": MODEL.predict(rows).tolist()}
