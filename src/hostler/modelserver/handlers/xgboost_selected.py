"""Selectable inference of AWS's XGBoost container: SAGEMAKER_INFERENCE_OUTPUT names what to answer.

Invariant: a name that the model's objective has nothing for is answered with NaN, as there
(https://docs.aws.amazon.com/sagemaker/latest/dg/xgboost.html).
"""

from __future__ import annotations

import json
import math
from typing import Any, Mapping, Sequence

from .. import media, recordio

_LABELLED = ("predicted_label", "labels", "raw_score", "raw_scores")
_PROBABLE = (*_LABELLED, "probability", "probabilities")
_BY_OBJECTIVE = {
    "reg:squarederror": ("predicted_score",),
    "reg:logistic": ("predicted_score",),
    "reg:gamma": ("predicted_score",),
    "reg:absoluteerror": ("predicted_score",),
    "reg:tweedie": ("predicted_score",),
    "binary:logistic": _PROBABLE,
    "binary:logitraw": _LABELLED,
    "binary:hinge": _LABELLED,
    "multi:softmax": _LABELLED,
    "multi:softprob": _PROBABLE,
}


def select(prediction: Any, names: Sequence[str], booster: Any) -> list[dict[str, Any]]:
    """What was asked for, a dictionary for each row.

    Raises:
        ValueError: the objective has nothing to select from.
    """
    learner = json.loads(booster.save_config())["learner"]
    objective = learner["objective"]["name"]
    if objective not in _BY_OBJECTIVE:
        text = f"Objective `{objective}` unsupported for selectable inference predictions."
        raise ValueError(text)
    classes = int(learner["learner_model_param"].get("num_class") or 0)
    known = _BY_OBJECTIVE[objective]
    return [
        {name: _one(name, objective, row, classes) if name in known else math.nan for name in names}
        for row in prediction
    ]


def encode(rows: Sequence[Mapping[str, Any]], names: Sequence[str], kind: str) -> bytes:
    """The rows in the form that was asked for."""
    if kind == media.JSON:
        return json.dumps({"predictions": list(rows)}).encode()
    if kind == "application/jsonlines":
        return "".join(json.dumps(row) + "\n" for row in rows).encode()
    if kind == recordio.TYPE:
        return recordio.encode([{name: _list(row[name]) for name in names} for row in rows])
    lines = (",".join(_cell(row[name]) for name in names) for row in rows)
    return "\n".join(lines).encode()


def _one(name: str, objective: str, row: Any, classes: int) -> Any:
    several = objective == "multi:softprob"
    if name == "labels":
        return list(range(classes)) if objective.startswith("multi:") else [0, 1]
    if name == "predicted_label":
        return _label(objective, row)
    if name in ("probability", "raw_score"):
        return max(row).item() if several else row.item()
    if name in ("probabilities", "raw_scores"):
        return row.tolist() if several else [1.0 - row.item(), row.item()]
    return row.item()


def _label(objective: str, row: Any) -> Any:
    if objective == "multi:softprob":
        return int(row.argmax())
    if objective == "binary:logistic":
        return int(row > 0.5)
    return int(row > 0) if objective == "binary:logitraw" else row.item()


def _list(value: Any) -> list[float]:
    return [float(each) for each in value] if isinstance(value, list) else [float(value)]


def _cell(value: Any) -> str:
    return f'"{value}"' if isinstance(value, list) else str(value)
