"""scikit-learn, and any pickled object with a ``predict``.

Invariant: without a script a row keeps the double precision it came with; with one the default
input is float32, as in AWS's container, so that the script sees there and here the same.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import sys
import warnings
from typing import Any, Iterator, Optional

from .. import failures, provenance
from ..batching import Batcher, Rows
from ..failures import BadInput, LoadFailure
from ..media import TEXT_TYPES, essence
from ..script import MAIN_ADVICE
from ..settings import Settings
from .base import Handler
from .row_wise import is_row_wise

_EXACT = "?bBhHiIlLqQd"
"""numpy's characters for whole numbers and double precision."""


class ScikitLearn(Handler):
    name = "scikit-learn"
    suffixes: tuple[str, ...] = (".joblib", ".pkl", ".pickle")

    def __init__(self, settings: Settings, *, scripted: bool = False) -> None:
        super().__init__(settings, scripted=scripted)
        self._known: Any = None
        self._selects_by_name = False
        # Fitted on a DataFrame and asked with an array: said once a request, and no news here.
        warnings.filterwarnings("ignore", message="X does not have valid feature names")

    def load(self, path: str) -> Any:
        name = os.path.basename(path)
        with _warnings_said(name), self._explained(path):
            model = self.unpickle(path)
        if not hasattr(model, "predict"):
            raise LoadFailure(
                failures.NO_HANDLER,
                f"{name} holds a {type(model).__name__}, which has no predict method: "
                "add code/inference.py with model_fn and predict_fn.",
            )
        return model

    def unpickle(self, path: str) -> Any:
        """The object in a pickle, joblib's compressed ones included."""
        try:
            import joblib  # noqa: PLC0415 - only some environments have it
        except ImportError:
            with open(path, "rb") as file:
                return pickle.load(file)  # noqa: S301 - loading is running its code: sandboxed
        return joblib.load(path)

    @contextlib.contextmanager
    def _explained(self, path: str) -> Iterator[None]:
        """What unpickling raises, as the failure that names the cause."""
        name = os.path.basename(path)
        try:
            yield
        except ModuleNotFoundError as error:
            if advice := self.remedy(path):
                text = f"{name} cannot be loaded: {failures.describe(error)}{advice}"
                raise LoadFailure(failures.MODEL_LOAD, text) from error
            package = (error.name or "").partition(".")[0]
            raise LoadFailure(
                failures.IMPORT_ERROR,
                f"{name} needs the module '{error.name}', which this environment does not have: "
                f"add {package} to code/requirements.txt.",
            ) from error
        except ImportError as error:
            raise LoadFailure(failures.IMPORT_ERROR, f"{name}: {error}") from error
        except MemoryError as error:
            text = f"{name}: out of memory while loading"
            raise LoadFailure(failures.OUT_OF_MEMORY, text) from error
        except BaseException as error:  # unpickling runs any code and raises anything
            advice = MAIN_ADVICE if "__main__" in str(error) else self.remedy(path)
            text = f"{name} cannot be loaded: {failures.describe(error)}{advice}"
            raise LoadFailure(failures.MODEL_LOAD, text) from error

    def remedy(self, path: str) -> str:
        """What to do about a pickle of another scikit-learn than ours; "" for one of the same."""
        sklearn = sys.modules.get("sklearn")
        framework, saved = provenance.of_file(path) or ("", "")
        if sklearn is None or framework != ScikitLearn.name or saved in ("", sklearn.__version__):
            return ""
        tag = ".".join(saved.split(".")[:2])
        return (
            f"; it was saved by scikit-learn {saved}, and {sklearn.__version__} runs here: deploy "
            f"it with the image sagemaker-scikit-learn:{tag}-1, or save it again with "
            f"{sklearn.__version__}"
        )

    def input(self, body: bytes, content_type: str) -> Any:
        array = super().input(body, content_type)
        if not self.scripted or essence(content_type) not in TEXT_TYPES:
            return array
        is_numeric = getattr(getattr(array, "dtype", None), "kind", "O") in "fiub"
        return array.astype("float32") if is_numeric else array

    def predict(self, data: Any, model: Any) -> Any:
        table = self.table(data, model)
        try:
            return model.predict(table)
        except ValueError as error:
            raise BadInput(str(error)) from error

    def batcher(self, model: Any) -> Optional[Batcher]:
        return self.rows(model) if is_row_wise(model) else None

    def rows(self, model: Any, described: Any = None) -> Optional[Batcher]:
        """Batches of rows for a model that answers each apart.

        ``described`` says of its columns what the model does not.
        """
        if self.numpy is None:
            return None
        columns = model if described is None else described
        return Rows(
            self.numpy,
            lambda data: self._numbers(data, columns),
            lambda table: self.predict(table, model),
        )

    def _numbers(self, data: Any, model: Any) -> Any:
        """The data in two dimensions; None if it is not of numbers, or has names or no rows.

        Nor in single precision, whose last bits are seen where terms cancel out.
        """
        if not isinstance(data, self.numpy.ndarray) or data.dtype.char not in _EXACT:
            return None
        table = _two_dimensional(data, model)
        return table if table.ndim == 2 and len(table) else None

    def table(self, data: Any, model: Any) -> Any:
        """The data as the model takes it: two-dimensional, columns in the order of its training."""
        if isinstance(data, (dict, list)):
            return self._by_name(data, model)
        data = _two_dimensional(data, model)
        if model is not self._known:
            self._known, self._selects_by_name = model, _selects_by_name(model)
        if self._selects_by_name and (pandas := _pandas()) is not None:
            names = list(model.feature_names_in_)
            if getattr(data, "ndim", 0) == 2 and data.shape[1] == len(names):
                return pandas.DataFrame(data, columns=names).infer_objects()
        return data

    def _by_name(self, data: Any, model: Any) -> Any:
        """Columns or records with names, in the order of the model's training."""
        names = getattr(model, "feature_names_in_", None)
        if names is None:
            raise BadInput(
                'The model was trained without column names: send {"features": [[…], …]} or a '
                "bare array, one inner list a row."
            )
        records = _records(data)
        missing = [name for name in names if any(name not in record for record in records)]
        if missing:
            raise BadInput(f"The input lacks the columns {', '.join(map(str, missing))}.")
        rows = [[record[name] for name in names] for record in records]
        if (pandas := _pandas()) is not None:
            return pandas.DataFrame(rows, columns=list(names))
        return self.array(rows)


def _two_dimensional(data: Any, model: Any) -> Any:
    """A flat list as a row; as a column where the model has one feature."""
    if getattr(data, "ndim", 2) != 1:
        return data
    one_column = getattr(model, "n_features_in_", None) == 1
    return data.reshape(-1, 1) if one_column else data.reshape(1, -1)


def _records(data: Any) -> list[dict[str, Any]]:
    """One dictionary a row, from a list of them or from a dictionary of columns or of cells."""
    if isinstance(data, list):
        if not all(isinstance(record, dict) for record in data):
            raise BadInput("The rows are neither all objects nor all arrays.")
        return data
    columns = {name: cells for name, cells in data.items() if isinstance(cells, list)}
    if len(columns) != len(data):
        return [data]
    lengths = {len(cells) for cells in columns.values()}
    if len(lengths) != 1:
        raise BadInput("The columns are not of equal length.")
    return [dict(zip(columns, cells)) for cells in zip(*columns.values())]


def _selects_by_name(model: Any) -> bool:
    """Whether a step of the pipeline picks columns, perhaps by their names."""
    if getattr(model, "feature_names_in_", None) is None:
        return False
    steps = [model, *(step for _, step in getattr(model, "steps", ()))]
    return any(hasattr(step, "transformers") for step in steps)


def _pandas() -> Any:
    try:
        import pandas  # noqa: ICN001, PLC0415 - only some environments have it
    except ImportError:
        return None
    return pandas


@contextlib.contextmanager
def _warnings_said(name: str) -> Iterator[None]:
    """Each different warning in one line on stderr, instead of with our source line."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        finally:
            said = dict.fromkeys(f"{each.category.__name__}: {each.message}" for each in caught)
            for text in said:
                print(f"{name}: {failures.one_line(text)}", file=sys.stderr)
