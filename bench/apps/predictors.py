"""The models, as every peer's app serves them: from rows to predictions."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

BATCHED = {"logistic", "gbm", "mlp"}
"""A peer that can put requests together does so for these; an echo gains nothing by it."""


def chosen() -> Callable[[list[Any]], list[Any]]:
    """The model that this process serves."""
    return load(os.environ["BENCH_MODEL"], Path(os.environ["BENCH_MODELS"]))


def load(model: str, folder: Path) -> Callable[[list[Any]], list[Any]]:
    if model == "echo":
        return lambda rows: rows
    return _network(folder / "mlp.pt") if model == "mlp" else _estimator(folder, model)


def answer(
    model: str, predict: Callable[[list[Any]], list[Any]], rows: list[Any]
) -> dict[str, Any]:
    """What the client gets, as a value."""
    return {"instances" if model == "echo" else "predictions": predict(rows)}


def _estimator(folder: Path, model: str) -> Callable[[list[Any]], list[Any]]:
    import joblib  # noqa: PLC0415 - an app imports what its model needs
    import numpy as np  # noqa: PLC0415

    estimator = joblib.load(folder / f"{model}.joblib")
    return lambda rows: estimator.predict(np.asarray(rows)).tolist()


def _network(path: Path) -> Callable[[list[Any]], list[Any]]:
    import warnings  # noqa: PLC0415

    import torch  # noqa: PLC0415

    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        module = torch.jit.load(path).eval()

    def predict(rows: list[Any]) -> list[Any]:
        with torch.inference_mode():
            return module(torch.tensor(rows, dtype=torch.float32)).tolist()

    return predict
