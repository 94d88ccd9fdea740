"""inference.py as the SageMaker inference toolkit has it."""

import json
import os
from typing import Any

import predictors

MODEL = os.environ["BENCH_MODEL"]


def model_fn(model_dir: str) -> Any:
    return predictors.chosen()


def transform_fn(model: Any, data: Any, content_type: str, accept: str) -> tuple[Any, str]:
    if MODEL == "echo":
        return data, accept
    return json.dumps(predictors.answer(MODEL, model, json.loads(data)["instances"])), accept
