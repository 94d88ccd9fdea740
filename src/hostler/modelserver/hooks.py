"""The user's functions, found in the script and made callable in one way.

Invariant: whatever a hook's signature allows in AWS's toolkits works here: the arguments of the
contract, fewer of them (old scripts), a trailing ``context``, keywords with defaults. What cannot
be called is refused while loading, with file and line, never at the first request.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Callable, Optional

from .failures import BAD_SCRIPT, LoadFailure

Hook = Callable[..., Any]
"""Called with the contract's arguments and, last, the context (None where nobody wants one)."""

_ARGUMENTS = {
    "pre_model_fn": ("model_dir",),
    "model_fn": ("model_dir",),
    "model_warmup_fn": ("model_dir", "model"),
    "input_fn": ("data", "content_type"),
    "predict_fn": ("data", "model"),
    "predict_batch_fn": ("batch", "model"),
    "output_fn": ("prediction", "accept"),
    "transform_fn": ("model", "data", "content_type", "accept"),
}
_PER_BATCH = "predict_batch_fn"
_STEPS = ("input_fn", "predict_fn", _PER_BATCH, "output_fn")
_PER_REQUEST = ("input_fn", "predict_fn", "output_fn", "transform_fn")


@dataclass(frozen=True)
class Hooks:
    """What a script defines; None for what it leaves to the defaults."""

    pre_model_fn: Optional[Hook] = None
    model_fn: Optional[Hook] = None
    model_warmup_fn: Optional[Hook] = None
    input_fn: Optional[Hook] = None
    predict_fn: Optional[Hook] = None
    predict_batch_fn: Optional[Hook] = None
    """Gets a list, one item a request, and returns one prediction each."""
    output_fn: Optional[Hook] = None
    transform_fn: Optional[Hook] = None
    wants_context: bool = False
    """Whether a function that serves requests takes a context."""


def read(module: ModuleType) -> Hooks:
    """The hooks of an imported script.

    Raises:
        LoadFailure: transform_fn beside one of the steps it replaces, or a signature that does
            not fit.
    """
    defined = {name: getattr(module, name) for name in _ARGUMENTS if hasattr(module, name)}
    steps = [name for name in _STEPS if name in defined]
    if "transform_fn" in defined and steps:
        raise _bad(
            defined["transform_fn"],
            f"transform_fn cannot be used together with {', '.join(steps)}: "
            "define either transform_fn alone or the three steps",
        )
    hooks = {name: _adapt(name, function) for name, function in defined.items()}
    if _PER_BATCH in hooks and hooks[_PER_BATCH][1]:
        raise _bad(
            defined[_PER_BATCH],
            f"{_PER_BATCH} gets no context, for it serves several requests at once: "
            "take it in input_fn or output_fn",
        )
    wants = any(wants for name, (_, wants) in hooks.items() if name in _PER_REQUEST)
    return Hooks(**{name: hook for name, (hook, _) in hooks.items()}, wants_context=wants)


def _adapt(name: str, function: Any) -> tuple[Hook, bool]:
    """A hook as called here, and whether it wants the context."""
    arguments = _ARGUMENTS[name]
    if not callable(function):
        raise _bad(function, f"{name} is not a function")
    if inspect.iscoroutinefunction(function):
        raise _bad(function, f"{name} is async: define it with a plain def")
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # a builtin that does not say what it takes
        return _drop_context(function, len(arguments)), False
    positional = [
        each
        for each in parameters
        if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
    ]
    variadic = any(each.kind is each.VAR_POSITIONAL for each in parameters)
    count = len(arguments)
    keyword = [each for each in parameters if each.kind is each.KEYWORD_ONLY]
    unfilled = [
        each.name for each in keyword if each.default is each.empty and each.name != "context"
    ]
    required = [each for each in positional if each.default is each.empty]
    if len(required) > count + 1 or unfilled or (not positional and not variadic):
        expected = ", ".join(arguments)
        raise _bad(
            function,
            f"{name} is called with ({expected}) and, if it takes one more, a context; "
            f"its signature is {name}{inspect.signature(function)}",
        )
    if any(each.name == "context" for each in keyword):
        return (lambda *given: function(*given[:-1], context=given[-1])), True
    if len(positional) > count and _is_context(positional[count]):
        return function, True
    return _drop_context(function, count if variadic else min(count, len(positional))), False


def _is_context(parameter: inspect.Parameter) -> bool:
    return parameter.name == "context" or parameter.default is parameter.empty


def _drop_context(function: Hook, count: int) -> Hook:
    """``function`` with its first ``count`` arguments; spelled out because it runs per request."""
    if count == 1:
        return lambda first, *_rest: function(first)
    if count == 2:
        return lambda first, second, *_rest: function(first, second)
    return lambda *given: function(*given[:count])


def _bad(function: Any, message: str) -> LoadFailure:
    code = getattr(function, "__code__", None)
    file, line = (code.co_filename, code.co_firstlineno) if code else ("", 0)
    where = f"{file}, line {line}: " if file else ""
    return LoadFailure(BAD_SCRIPT, f"{where}{message}.", file, line)
