"""XGBoost: boosters in every form that it ever saved, and pickles that hold its models.

Invariant: a booster answers as ``Booster.predict`` does, with its best iterations where training
stopped early; another object answers as scikit-learn's do.
"""

from __future__ import annotations

import os
import pickle
import sys
from typing import Any, Optional

from .. import failures, media, provenance, recordio
from ..batching import Batcher
from ..failures import BadInput, LoadFailure
from ..settings import Settings
from .scikit_learn import ScikitLearn

LIBSVM = frozenset({"text/libsvm", "text/x-libsvm"})
_PICKLES = (".pkl", ".pickle", ".joblib")
_LIBSVM_COLUMNS_MAX = 1 << 24
_UNREADABLE = (
    *(AttributeError, ImportError, ValueError, TypeError, KeyError, EOFError),
    pickle.UnpicklingError,
)
"""What pickles of another version raise."""


class XGBoost(ScikitLearn):
    name = "xgboost"
    suffixes = ("xgboost-model", ".ubj", ".xgb", ".bst")
    shared = (".json", ".bin", ".model", *_PICKLES)

    def __init__(self, settings: Settings, *, scripted: bool = False) -> None:
        super().__init__(settings, scripted=scripted)
        import xgboost  # noqa: PLC0415 - only some environments have it

        self.xgboost = xgboost

    def load(self, path: str) -> Any:
        """A booster, or what a pickle holds: the bytes say which, for AWS's name has no suffix."""
        with open(path, "rb") as file:
            pickled = file.read(1) == b"\x80"
        if pickled or path.endswith(_PICKLES):
            return self._with_threads(super().load(path))
        return self._with_threads(self._booster(path))

    def unpickle(self, path: str) -> Any:
        """The object in a pickle; of one that this version cannot read, its booster."""
        try:
            return super().unpickle(path)
        except (*_UNREADABLE, self.xgboost.core.XGBoostError):
            booster = _rescued(path, self.xgboost)
            if booster is None:
                raise
            name = os.path.basename(path)
            print(f"{name}: an old pickle, of which the booster alone is used", file=sys.stderr)
            return booster

    def remedy(self, path: str) -> str:
        """What to do about a model of another XGBoost than ours; "" for one of the same."""
        framework, saved = provenance.of_file(path) or ("", "")
        version = self.xgboost.__version__
        if framework != XGBoost.name or saved in ("", version):
            return super().remedy(path)
        tag = "3.0-5" if int(saved.partition(".")[0]) < 3 else f"{saved.rpartition('.')[0]}-1"
        return (
            f"; it was saved by XGBoost {saved}, and {version} runs here: deploy it with the image "
            f"sagemaker-xgboost:{tag}, or save it again with {version}"
        )

    def _booster(self, path: str) -> Any:
        name = os.path.basename(path)
        booster = self.xgboost.Booster()
        try:
            with open(path, "rb") as file:
                booster.load_model(bytearray(file.read()))  # by the content, whatever its name
        except self.xgboost.core.XGBoostError as error:
            raise LoadFailure(
                failures.MODEL_LOAD,
                f"{name} is no model that XGBoost {self.xgboost.__version__} reads: "
                f"{_first_line(error)}{self.remedy(path)}",
            ) from error
        except MemoryError as error:
            text = f"{name}: out of memory while loading"
            raise LoadFailure(failures.OUT_OF_MEMORY, text) from error
        return booster

    def _with_threads(self, model: Any) -> Any:
        if isinstance(model, self.xgboost.Booster):
            model.set_param({"nthread": self.settings.threads})
        return model

    def input(self, body: bytes, content_type: str) -> Any:
        kind = media.essence(content_type)
        if kind in LIBSVM:
            return self.libsvm(body)
        if kind == recordio.TYPE:
            return self.records(body)
        return super().input(body, content_type)

    def batcher(self, model: Any) -> Optional[Batcher]:
        if isinstance(model, self.xgboost.Booster):
            return self.rows(model, _Named(model))
        return super().batcher(model)

    def predict(self, data: Any, model: Any) -> Any:
        if not isinstance(model, self.xgboost.Booster):
            return super().predict(data, model)
        matrix = data
        if not isinstance(data, self.xgboost.DMatrix):
            matrix = self.matrix(self.table(data, _Named(model)))
        try:
            return boosted(model, matrix)
        except self.xgboost.core.XGBoostError as error:
            raise BadInput(_first_line(error)) from error

    def matrix(self, table: Any) -> Any:
        """A table as XGBoost takes it."""
        try:
            return self.xgboost.DMatrix(table)
        except (ValueError, TypeError, self.xgboost.core.XGBoostError) as error:
            raise BadInput(f"The rows do not form a matrix: {_first_line(error)}") from None

    def libsvm(self, body: bytes) -> Any:
        """Lines of ``[label] column:value …`` as a matrix; the columns are as they are counted.

        Raises:
            BadInput: a line is not that.
        """
        import scipy.sparse  # noqa: PLC0415 - only some environments have it

        rows, columns, values = [], [], []
        lines = body.decode("utf-8", "replace").strip().splitlines()
        for number, line in enumerate(lines):
            for item in line.split():
                column, colon, value = item.partition(":")
                if not colon or column == "qid":
                    continue
                try:
                    columns.append(int(column))
                    values.append(float(value))
                except ValueError:
                    text = f"The body is not libsvm: {item!r} in line {number + 1}."
                    raise BadInput(text) from None
                rows.append(number)
        if columns and not 0 <= min(columns) <= max(columns) < _LIBSVM_COLUMNS_MAX:
            raise BadInput("The body is not libsvm: a column's number is out of range.")
        shape = (len(lines), max(columns, default=0) + 1)
        return self.xgboost.DMatrix(scipy.sparse.csr_matrix((values, (rows, columns)), shape=shape))

    def records(self, body: bytes) -> Any:
        """Recordio-protobuf as a matrix."""
        rows = recordio.decode(body)
        if not any(row.keys for row in rows):
            return self.matrix(self.array([list(row.values) for row in rows]))
        import scipy.sparse  # noqa: PLC0415 - only some environments have it

        width = max(row.width for row in rows)
        places = [(number, key) for number, row in enumerate(rows) for key in row.keys]
        values = [value for row in rows for value in row.values]
        if len(values) != len(places):
            raise BadInput("Some records are dense, others sparse.")
        ends = tuple(zip(*places))
        return self.xgboost.DMatrix(
            scipy.sparse.csr_matrix((values, ends), shape=(len(rows), width))
        )


class _Named:
    """A booster as the scikit-learn handler asks about a model."""

    def __init__(self, booster: Any) -> None:
        self.n_features_in_ = booster.num_features()
        if booster.feature_names:
            self.feature_names_in_ = booster.feature_names


def boosted(booster: Any, matrix: Any) -> Any:
    """The predictions of a booster's best iterations."""
    try:
        end = int(booster.best_iteration) + 1
    except AttributeError:  # no early stopping
        end = 0
    return booster.predict(matrix, iteration_range=(0, end), validate_features=False)


def _rescued(path: str, xgboost: Any) -> Optional[Any]:
    """The booster in a pickle of an XGBoost before 2.0; None when there is none.

    Up to 0.90 a booster was pickled as its bare binary file; up to 1.x its scikit-learn wrappers
    held classes that have gone since.
    """

    class OldBooster(xgboost.Booster):  # type: ignore[misc,unused-ignore]
        def __setstate__(self, state: dict[str, Any]) -> None:
            kept = state.get("handle")
            try:
                super().__setstate__(dict(state))
            except xgboost.core.XGBoostError:
                bare = xgboost.Booster(model_file=bytearray(kept or b""))
                super().__setstate__({**state, "handle": bare.__getstate__()["handle"]})

    class Unpickler(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            if (module, name) == ("xgboost.core", "Booster"):
                return OldBooster
            try:
                return super().find_class(module, name)
            except (ImportError, AttributeError):
                if module.partition(".")[0] in ("xgboost", "sklearn"):
                    return type(name, (_Gone,), {})
                raise

    try:
        with open(path, "rb") as file:
            found = Unpickler(file).load()
    except (*_UNREADABLE, xgboost.core.XGBoostError):
        return None
    booster = found if isinstance(found, xgboost.Booster) else getattr(found, "_Booster", None)
    return booster if isinstance(booster, xgboost.Booster) else None


class _Gone:
    """Stands in for a class of an old pickle that nobody asks again."""

    def __init__(self, *_: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


def _first_line(error: BaseException) -> str:
    """What went wrong, without XGBoost's own stack trace and source position."""
    text = str(error).partition("\nStack trace")[0].strip()
    return text.partition("Check failed: ")[2] or text
