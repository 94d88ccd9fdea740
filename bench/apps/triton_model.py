"""A model of Triton's Python backend: what Triton hands over together is predicted together."""

import json
import os
from typing import Any

import numpy as np
import predictors
import triton_python_backend_utils as triton


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        self.model = os.environ["BENCH_MODEL"]
        self.predict = predictors.chosen()

    def execute(self, requests: list[Any]) -> list[Any]:
        bodies = [
            triton.get_input_tensor_by_name(request, "body").as_numpy().item()
            for request in requests
        ]
        if self.model != "echo":
            rows = [row for body in bodies for row in json.loads(body)["instances"]]
            predicted = self.predict(rows)
            bodies = [json.dumps({"predictions": [each]}).encode() for each in predicted]
        return [
            triton.InferenceResponse([triton.Tensor("answer", np.array([[body]], dtype=object))])
            for body in bodies
        ]
