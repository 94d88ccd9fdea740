"""What a request goes through: input, prediction, output.

Invariant: a step is the script's where it has one, the handler's elsewhere; alone and in a batch a
request goes through the same input and output.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Callable, Hashable, Optional, Sequence

from . import failures
from .batching import Batcher
from .context import Context, Request
from .failures import BadInput
from .handlers.base import Handler
from .hooks import Hook, Hooks

Run = Callable[[bytes, Request, Optional[Context]], Any]
"""From a body to what a script or a handler returns for it."""


@dataclass(frozen=True)
class Steps:
    """The three, and what predicts for several requests at once, if anything does."""

    input: Run
    predict: Callable[[Any, Optional[Context]], Any]
    output: Callable[[Any, Request, Optional[Context]], Any]
    batcher: Optional[Batcher] = None

    def run(self, body: bytes, request: Request, context: Optional[Context]) -> Any:
        """All three for one request."""
        data = self.input(body, request, context)
        return self.output(self.predict(data, context), request, context)


class ListHook:
    """A script's predict_batch_fn: it gets what input_fn made of each request."""

    def __init__(self, hook: Hook, model: Any) -> None:
        self._hook = hook
        self._model = model

    def kind(self, data: Any) -> Optional[Hashable]:
        """All go together: the script asked for it."""
        del data
        return ""

    def predict(self, together: Sequence[Any]) -> Sequence[Any]:
        """One prediction for each; a failure is said, for then each is asked alone."""
        try:
            return self.checked(list(together))
        except BaseException as error:  # the user's code may raise anything
            text = f"predict_batch_fn failed for {len(together)} requests, each is asked alone"
            print(f"{text}: {failures.describe(error)}", file=sys.stderr, flush=True)
            raise

    def checked(self, together: list[Any]) -> Sequence[Any]:
        """As many predictions as there are requests."""
        predictions: Sequence[Any] = self._hook(together, self._model, None)
        if len(predictions) != len(together):
            raise ValueError(
                f"predict_batch_fn returned {len(predictions)} predictions for {len(together)}"
            )
        # A frame or a series answers [0] by label: with rows of several requests all have label 0.
        by_place: Any = getattr(predictions, "iloc", predictions)
        if isinstance(by_place, Mapping) and len(together) > 1:
            raise TypeError(
                f"predict_batch_fn returned a {type(predictions).__name__}: return a list with one "
                "prediction for each request, in their order"
            )
        return [by_place[place] for place in range(len(together))]

    def alone(self, data: Any, _context: Optional[Context]) -> Any:
        """A list of one."""
        return self.checked([data])[0]


def of(found: Hooks, handler: Handler, model: Any) -> Steps:
    """The steps of a model."""
    batcher: Optional[Batcher] = None
    predict = _predict(found, handler, model)
    if found.predict_batch_fn is not None:
        batcher = hook = ListHook(found.predict_batch_fn, model)
        if found.predict_fn is None:
            predict = hook.alone
    elif not handler.scripted and not handler.settings.exact:
        batcher = handler.batcher(model)
    return Steps(_input(found, handler), predict, _output(found, handler), batcher)


def transformed(transform: Hook, model: Any) -> Run:
    """transform_fn in place of all three."""

    def run(body: bytes, request: Request, context: Optional[Context]) -> Any:
        return transform(
            model, _given(body, request), request.content_type, request.accept, context
        )

    return run


def _input(found: Hooks, handler: Handler) -> Run:
    hook, default = found.input_fn, handler.input
    if hook is None:
        return lambda body, request, _context: default(body, request.content_type)
    return lambda body, request, context: hook(_given(body, request), request.content_type, context)


def _predict(found: Hooks, handler: Handler, model: Any) -> Callable[[Any, Optional[Context]], Any]:
    hook, default = found.predict_fn, handler.predict
    if hook is None:
        return lambda data, _context: default(data, model)
    return lambda data, context: hook(data, model, context)


def _output(found: Hooks, handler: Handler) -> Callable[[Any, Request, Optional[Context]], Any]:
    hook, default = found.output_fn, handler.output
    if hook is None:
        return lambda prediction, request, _context: default(prediction, request.accept)
    return lambda prediction, request, context: hook(prediction, request.accept, context)


def _given(body: bytes, request: Request) -> Any:
    """The body as hooks receive it: text for JSON and CSV, bytes otherwise."""
    if not request.is_text:
        return body
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise BadInput(f"The body is not UTF-8 text: {error}") from None
