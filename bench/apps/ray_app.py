"""``python ray_app.py PORT FOLDER``: one replica on Ray Serve; models in batches."""

import os
import signal
import sys
import threading
from typing import Any

import predictors
import ray
from ray import serve
from starlette.requests import Request
from starlette.responses import Response

MODEL = os.environ["BENCH_MODEL"]
REPLICA = {"num_replicas": 1, "max_ongoing_requests": 100, "ray_actor_options": {"num_cpus": 1}}


@serve.deployment(**REPLICA)
class Echo:
    async def __call__(self, request: Request) -> Response:
        return Response(await request.body(), media_type="application/json")


@serve.deployment(**REPLICA)
class Bench:
    def __init__(self) -> None:
        self.rows_to_predictions = predictors.chosen()

    @serve.batch(max_batch_size=32, batch_wait_timeout_s=0.001)
    async def predict(self, rows: list[Any]) -> list[Any]:
        return self.rows_to_predictions(rows)

    async def __call__(self, request: Request) -> dict[str, Any]:
        (row,) = (await request.json())["instances"]
        return {"predictions": [await self.predict(row)]}


if __name__ == "__main__":
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        configure_logging=False,
        object_store_memory=100_000_000,
        _node_ip_address="127.0.0.1",
        _temp_dir=sys.argv[2],
    )
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])})
    serve.run((Echo if MODEL == "echo" else Bench).bind(), route_prefix="/")
    told_to_stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told_to_stop.set())
    told_to_stop.wait()
    serve.shutdown()
    ray.shutdown()
