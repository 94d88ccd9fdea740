"""``python litserve_app.py PORT``: a LitAPI with one worker; models in batches."""

import os
import sys
from typing import Any

import litserve
import predictors

MODEL = os.environ["BENCH_MODEL"]


class Bench(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.rows_to_predictions = predictors.chosen()

    def decode_request(self, request: dict[str, Any]) -> list[Any]:
        return request["instances"]

    def predict(self, rows: list[Any]) -> list[Any]:
        return self.rows_to_predictions(rows)

    def encode_response(self, predictions: list[Any]) -> dict[str, Any]:
        return {"instances" if MODEL == "echo" else "predictions": predictions}


class Batched(Bench):
    def batch(self, inputs: list[list[Any]]) -> list[Any]:
        return [row for rows in inputs for row in rows]

    def unbatch(self, output: list[Any]) -> list[list[Any]]:
        return [[prediction] for prediction in output]


if __name__ == "__main__":
    path = f"/endpoints/{MODEL}/invocations"
    if MODEL in predictors.BATCHED:
        api: Bench = Batched(max_batch_size=32, batch_timeout=0.001, api_path=path)
    else:
        api = Bench(api_path=path)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1, fast_queue=True)
    server.run(
        host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="warning"
    )
