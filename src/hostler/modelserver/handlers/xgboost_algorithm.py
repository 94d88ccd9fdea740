"""What AWS's own XGBoost container takes and answers, for its images (sagemaker-xgboost, xgboost).

Without a script it is the built-in algorithm: CSV, libsvm and recordio-protobuf in, CSV out; an
empty body 204, a body or type that it cannot read 415, one that the model cannot take 400, an
Accept that there is not 406. With one it is the framework container: the script's predict_fn gets
a DMatrix. Invariant: what AWS's container refuses is refused here, with its status and words
(https://github.com/aws/sagemaker-xgboost-container, ``algorithm_mode/serve.py``).
"""

from __future__ import annotations

import os
from typing import Any, Optional, Sequence

from .. import codecs, media, recordio
from ..batching import Batcher
from ..failures import BadInput, NoContent, NotAcceptable, UnsupportedContentType
from ..settings import Settings
from . import xgboost_selected
from .xgboost import LIBSVM, XGBoost, boosted

JSON_LINES = "application/jsonlines"
_ACCEPTED = (media.JSON, JSON_LINES, recordio.TYPE, media.CSV)
_DELIMITERS = (",", ";", "\t", "|", " ")
OUTPUT, ENSEMBLE = "SAGEMAKER_INFERENCE_OUTPUT", "SAGEMAKER_INFERENCE_ENSEMBLE"


class XGBoostAlgorithm(XGBoost):
    repositories = frozenset({"sagemaker-xgboost", "xgboost"})

    def __init__(self, settings: Settings, *, scripted: bool = False) -> None:
        super().__init__(settings, scripted=scripted)
        wanted = settings.given(OUTPUT).replace(" ", "").lower()
        self._selected = wanted.split(",") if wanted else []

    @property
    def default_accept(self) -> str:
        return "" if self.scripted else media.CSV

    @classmethod
    def find(cls, files: Sequence[str], settings: Settings) -> Optional[str]:
        """Every file of the archive's first level is a model: several make an ensemble."""
        models = _models(files)
        if len(models) > 1 and settings.given(ENSEMBLE).lower() in ("", "true"):
            return ""
        return models[0] if models else super().find(files, settings)

    def load(self, path: str) -> Any:
        """Boosters in a list; for a script the first of them."""
        paths = [path]
        if os.path.isdir(path):
            inside = (os.path.join(path, name) for name in sorted(os.listdir(path)))
            paths = [each for each in inside if os.path.isfile(each)]
        load = super().load
        visible = [each for each in paths if not os.path.basename(each).startswith(".")]
        boosters = [self._only_booster(load(each)) for each in visible]
        return boosters[0] if self.scripted else boosters

    def _only_booster(self, model: Any) -> Any:
        get = getattr(model, "get_booster", None)
        return self._with_threads(get()) if get is not None else model

    def input(self, body: bytes, content_type: str) -> Any:
        if not body and not self.scripted:
            raise NoContent
        kind = media.essence(content_type) or media.CSV
        try:
            if kind == media.CSV:
                table = self._csv(body)
                return self.matrix(table) if self.scripted else table
            if kind in LIBSVM:
                return self.libsvm(body.strip())
            if kind == recordio.TYPE:
                return self.records(body)
        except BadInput as error:
            name = (
                "csv" if kind == media.CSV else "libsvm" if kind in LIBSVM else "recordio-protobuf"
            )
            raise _unreadable(name, error) from None
        raise UnsupportedContentType(
            f"Content-type {content_type} not supported. Supported content-type is text/csv, "
            "text/libsvm, application/x-recordio-protobuf"
        )

    def _csv(self, body: bytes) -> Any:
        """Numbers without a header; an empty cell is a missing value."""
        lines = body.decode("utf-8", "replace").strip().splitlines()
        first = lines[0] if lines else ""
        delimiter = next((each for each in _DELIMITERS if each in first), ",")
        cells = [
            ["nan" if cell == "" else cell for cell in line.split(delimiter)] for line in lines
        ]
        try:
            return self.numpy.array(cells).astype(float)
        except ValueError as error:
            raise BadInput(str(error)) from None

    def batcher(self, model: Any) -> Optional[Batcher]:
        """Rows of CSV, by boosters alone: several files may hold anything that predicts."""
        boosters = all(isinstance(each, self.xgboost.Booster) for each in model)
        return self.rows(model) if boosters else None

    def predict(self, data: Any, model: Any) -> Any:
        if self.scripted:
            return super().predict(data, model)
        matrix = data
        if not isinstance(data, self.xgboost.DMatrix):
            try:
                matrix = self.matrix(data)
            except BadInput as error:  # an infinite number
                raise _unreadable("csv", error) from None
        try:
            answers = [boosted(booster, matrix) for booster in model]
        except (self.xgboost.core.XGBoostError, ValueError) as error:
            line = str(error).partition("\nStack trace")[0]
            raise BadInput(f"Unable to evaluate payload provided: {line}") from error
        prediction = answers[0] if len(answers) == 1 else self.numpy.mean(answers, axis=0)
        if self._selected:
            return xgboost_selected.select(prediction, self._selected, model[0])
        return prediction

    def output(self, prediction: Any, accept: str) -> tuple[bytes, str]:
        if self.scripted:
            return codecs.encode(prediction, accept)
        kind = media.choose(accept, _ACCEPTED)
        if not kind:
            raise NotAcceptable(
                f"Accept type {accept} is not supported. Please use supported accept types: "
                f"{list(_ACCEPTED)}."
            )
        if self._selected:
            return xgboost_selected.encode(prediction, self._selected, kind), kind
        values = prediction.tolist()
        if kind == media.JSON:
            return codecs.dump_json({"predictions": [{"score": each} for each in values]}), kind
        return ",".join(map(str, values)).encode(), media.CSV


def _unreadable(name: str, error: BadInput) -> UnsupportedContentType:
    return UnsupportedContentType(
        f"Loading {name} data failed with Exception, please ensure data is in {name} format: "
        f"{error.message}"
    )


def _models(files: Sequence[str]) -> list[str]:
    return [name for name in files if os.sep not in name]
