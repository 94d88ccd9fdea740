"""LightGBM: its text files, and pickles that hold its models.

Invariant: a booster answers as ``Booster.predict`` does; another object answers as scikit-learn's
do.
"""

from __future__ import annotations

import os
from typing import Any, Optional

from .. import failures
from ..batching import Batcher
from ..failures import BadInput, LoadFailure
from ..settings import Settings
from .scikit_learn import ScikitLearn

_PICKLES = (".pkl", ".pickle", ".joblib")


class LightGBM(ScikitLearn):
    name = "lightgbm"
    suffixes = (".lgb",)
    shared = (".txt", ".model", *_PICKLES)

    def __init__(self, settings: Settings, *, scripted: bool = False) -> None:
        super().__init__(settings, scripted=scripted)
        import lightgbm  # noqa: PLC0415 - only some environments have it

        self.lightgbm = lightgbm

    def load(self, path: str) -> Any:
        if path.endswith(_PICKLES):
            return super().load(path)
        name = os.path.basename(path)
        try:
            return self.lightgbm.Booster(model_file=path)
        except (self.lightgbm.basic.LightGBMError, ValueError) as error:
            raise LoadFailure(
                failures.MODEL_LOAD,
                f"{name} is no model that LightGBM {self.lightgbm.__version__} reads: {error}",
            ) from error
        except MemoryError as error:
            text = f"{name}: out of memory while loading"
            raise LoadFailure(failures.OUT_OF_MEMORY, text) from error

    def batcher(self, model: Any) -> Optional[Batcher]:
        if isinstance(model, self.lightgbm.Booster):
            return self.rows(model, _Named(model))
        return super().batcher(model)

    def predict(self, data: Any, model: Any) -> Any:
        try:
            if not isinstance(model, self.lightgbm.Booster):
                return super().predict(data, model)
            table = self.table(data, _Named(model))
            return model.predict(table, num_threads=self.settings.threads)
        except (self.lightgbm.basic.LightGBMError, ValueError, TypeError) as error:
            raise BadInput(str(error)) from error


class _Named:
    """A booster as the scikit-learn handler asks about a model."""

    def __init__(self, booster: Any) -> None:
        self.n_features_in_ = booster.num_feature()
        self.feature_names_in_ = booster.feature_name()
