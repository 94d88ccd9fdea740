"""Whether an estimator answers each row apart, whatever other rows it is asked with.

Invariant: a yes is certain: every part is a class of a known library whose answers do not depend on
their company; a user's own class or function anywhere inside is a no.
"""

from __future__ import annotations

import types
from typing import Any, Iterator

_LIBRARIES = frozenset({"sklearn", "xgboost", "lightgbm"})
_PLAIN = frozenset({"builtins", "numpy", "pandas", "scipy", *_LIBRARIES})
_COMPANY_COUNTS = frozenset({"DummyClassifier", "IterativeImputer", "NMF", "MiniBatchNMF"})
"""They draw at random in the order of the rows, or iterate until all rows together are settled."""


def is_row_wise(model: Any) -> bool:
    """True if the model's class and all that it is made of are known to be so."""
    if _library(type(model)) not in _LIBRARIES or "predict" in getattr(model, "__dict__", ()):
        return False
    try:
        parameters = model.get_params(deep=True)
    except (AttributeError, TypeError, ValueError, RuntimeError):  # pickled by another version
        return False
    return all(map(_is_harmless, (model, *_flat(parameters.values()))))


def _flat(values: Any) -> Iterator[Any]:
    for value in values:
        if isinstance(value, dict):
            yield from _flat(value.values())
        elif isinstance(value, (list, tuple)):
            yield from _flat(value)
        else:
            yield value


def _is_harmless(value: Any) -> bool:
    kind = type(value)
    if kind.__name__ in _COMPANY_COUNTS:
        return False
    if kind.__name__ == "FunctionTransformer":
        return value.func is None or type(value.func).__name__ == "ufunc"
    if isinstance(value, (types.FunctionType, types.BuiltinFunctionType, types.MethodType)):
        return _library(value) in _LIBRARIES
    return _library(value if isinstance(value, type) else kind) in _PLAIN


def _library(what: Any) -> str:
    return (getattr(what, "__module__", None) or "").partition(".")[0]
