"""The inference-toolkit contract: a model loaded from its folder, and a body turned into an answer.

Invariant: ``load`` ends with a Model or a LoadFailure, ``invoke`` always with an answer: whatever
the user's code raises becomes a status, one line for the caller and a traceback on stderr.
"""

from __future__ import annotations

import os
from typing import Any, Hashable, Iterator, NamedTuple, Optional, Sequence

from . import codecs, failures, frames, handlers, hooks, script, steps
from .context import (
    CLOSED_SESSION_ID,
    CUSTOM_ATTRIBUTES,
    NEW_SESSION_ID,
    SESSION_ID,
    Context,
    Request,
)
from .failures import LoadFailure, RequestFailure
from .handlers.base import Handler
from .hooks import Hook, Hooks
from .settings import Settings
from .steps import Steps

Answer = tuple[int, bytes, bytes]
"""Status, meta (NUL-joined frames.RESPONSE_META) and body."""

_PLAIN_TEXT = b"text/plain; charset=utf-8"
_CACHED_MAX = 256


class Model:
    """A loaded model. One thread calls it.

    ``run`` answers one request; ``several`` are the steps by which it answers more at once.
    """

    def __init__(
        self,
        run: steps.Run,
        settings: Settings,
        handler: Handler,
        *,
        wants_context: bool,
        several: Optional[Steps] = None,
    ) -> None:
        self._run = run
        self._several = several if several is not None and several.batcher is not None else None
        self.batch_max = settings.batch_max if self._several is not None else 1
        """How many requests ``invoke_many`` is worth calling with."""
        self._default_accept = settings.accept_or(handler.default_accept)
        self._properties = _system_properties(settings)
        self._wants_context = wants_context
        self._requests: dict[bytes, Request] = {}
        self._types: dict[str, bytes] = {}
        self._pid = os.getpid()

    def invoke(self, meta: bytes, body: bytes) -> Answer:
        """Answer one request; ``meta`` is NUL-joined frames.REQUEST_META."""
        request = self._requests.get(meta) or self._read(meta)
        context = Context(self._properties, request) if self._wants_context else None
        try:
            result = self._run(body, request, context)
            return self._answer(result, request, context)
        except BaseException as error:  # noqa: BLE001 - the user's code may raise anything
            return _failed(error)

    def invoke_many(self, asked: Sequence[tuple[bytes, bytes]]) -> list[Answer]:
        """Answer several requests, (meta, body) each, in their order; each fails for itself."""
        several = self._several
        if several is None or several.batcher is None or len(asked) == 1:
            return [self.invoke(meta, body) for meta, body in asked]
        answers: dict[int, Answer] = {}
        groups: dict[Hashable, list[_Decoded]] = {}
        for place, (meta, body) in enumerate(asked):
            request = self._requests.get(meta) or self._read(meta)
            context = Context(self._properties, request) if self._wants_context else None
            try:
                data = several.input(body, request, context)
                kind = several.batcher.kind(data)
            except BaseException as error:  # noqa: BLE001 - the user's code may raise anything
                answers[place] = _failed(error)
            else:
                key = (place,) if kind is None else kind
                groups.setdefault(key, []).append(_Decoded(place, request, context, data))
        for group in groups.values():
            answers.update(self._answer_group(several, group))
        return [answers[place] for place in range(len(asked))]

    def _answer_group(self, several: Steps, group: list[_Decoded]) -> Iterator[tuple[int, Answer]]:
        """Answers by place: from one prediction, or where that fails from one for each."""
        predictions: Optional[Sequence[Any]] = None
        if several.batcher is not None and len(group) > 1:
            try:
                predictions = several.batcher.predict([each.data for each in group])
            except BaseException:  # noqa: BLE001 - whose fault it was is seen one by one
                if os.getpid() != self._pid:
                    failures.end_child()  # it would fork again for each
        for number, (place, request, context, data) in enumerate(group):
            try:
                if predictions is None:
                    prediction = several.predict(data, context)
                else:
                    prediction = predictions[number]
                result = several.output(prediction, request, context)
                yield place, self._answer(result, request, context)
            except BaseException as error:  # noqa: BLE001 - the user's code may raise anything
                yield place, _failed(error)

    def _answer(self, result: Any, request: Request, context: Optional[Context]) -> Answer:
        """What the last step returned, as an answer."""
        kind, data = _shape(result, request)
        if context is not None:
            return _with_context(context, kind, data)
        encoded = self._types.get(kind)
        if encoded is None:
            encoded = self._encode(kind)
        return 200, encoded, data

    def _encode(self, kind: str) -> bytes:
        """A content type as frames carry it; some scripts make a new one for each answer."""
        encoded = _latin(kind)
        if len(self._types) >= _CACHED_MAX:
            self._types.clear()
        if len(encoded) <= frames.META_MAX:  # a longer one is a body in the wrong place
            self._types[kind] = encoded
        return encoded

    def _read(self, meta: bytes) -> Request:
        """Parse a head; few differ unless they carry ids, so the cache simply starts anew."""
        if len(self._requests) >= _CACHED_MAX:
            self._requests.clear()
        request = self._requests[meta] = Request(meta, self._default_accept)
        return request


class _Decoded(NamedTuple):
    """A request of a batch: its place there, and what input made of it."""

    place: int
    request: Request
    context: Optional[Context]
    data: Any


class _ErrorResponse(RequestFailure):
    """A response object with which a script refuses a request."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(body.decode(errors="replace") or f"status {status}")
        self.status = int(status)


def load(settings: Settings) -> Model:
    """Load the model of an instance.

    Raises:
        LoadFailure: it cannot serve; the cause says why.
    """
    path = script.find(settings)
    if path is None:
        handler, file = handlers.for_files(settings)
        model = handler.load(file)
        return _stepwise(Hooks(), handler, model, settings)
    module = script.load(path)
    found = hooks.read(module)
    context = Context(_system_properties(settings), None)
    if found.pre_model_fn is not None:
        _call(found.pre_model_fn, path, "in pre_model_fn", settings.model_dir, context)
    if found.model_fn is not None:
        model = _call(found.model_fn, path, "in model_fn", settings.model_dir, context)
        handler = _handler(found, model, settings)
    else:
        handler, model = _default_model(settings, found, path)
    if found.model_warmup_fn is not None:
        warm_up = found.model_warmup_fn
        _call(warm_up, path, "in model_warmup_fn", settings.model_dir, model, context)
    if found.transform_fn is not None:
        run = steps.transformed(found.transform_fn, model)
        return Model(run, settings, handler, wants_context=found.wants_context)
    return _stepwise(found, handler, model, settings)


def _stepwise(found: Hooks, handler: Handler, model: Any, settings: Settings) -> Model:
    made = steps.of(found, handler, model)
    return Model(made.run, settings, handler, wants_context=found.wants_context, several=made)


def _default_model(settings: Settings, found: Hooks, path: str) -> tuple[Handler, Any]:
    """The model of a script without model_fn: loaded by its framework's handler."""
    try:
        handler, file = handlers.for_files(settings)
    except LoadFailure as failure:
        if failure.cause != failures.NO_HANDLER or not _answers_alone(found):
            name = os.path.basename(path)
            text = f"{name} defines no model_fn. {failure.message}"
            raise LoadFailure(failure.cause, text, path) from failure
        return Handler(settings, scripted=True), None
    handler.scripted = True
    return handler, handler.load(file)


def _answers_alone(found: Hooks) -> bool:
    """Whether the script needs no model to answer."""
    alone = (found.transform_fn, found.predict_fn, found.predict_batch_fn)
    return any(hook is not None for hook in alone)


def _handler(found: Hooks, model: Any, settings: Settings) -> Handler:
    predicts = found.predict_fn or found.predict_batch_fn
    whole = found.input_fn and predicts and found.output_fn
    if found.transform_fn or whole:
        return Handler(settings, scripted=True)  # no step is left to a framework
    return handlers.for_model(model, settings)


def _call(hook: Hook, path: str, doing: str, *arguments: Any) -> Any:
    try:
        return hook(*arguments)
    except BaseException as error:  # the user's code may raise anything
        raise script.explain(error, path, doing) from error


def _shape(result: Any, request: Request) -> tuple[str, bytes]:
    """What a hook returned as (content type, body)."""
    kind = request.answer_type
    if type(result) is tuple and len(result) == 2 and isinstance(result[1], str):
        result, kind = result
    if type(result) is bytes:
        return kind, result
    if isinstance(result, str):
        return kind, result.encode()
    if isinstance(result, (bytes, bytearray, memoryview)):
        return kind, bytes(result)
    if result is None:
        raise TypeError("the script returned None instead of a body")
    if hasattr(result, "get_data") and hasattr(result, "mimetype"):  # a Flask response
        if getattr(result, "status_code", 200) >= 400:
            raise _ErrorResponse(result.status_code, result.get_data())
        return _shape((result.get_data(), result.mimetype or kind), request)
    data, kind = codecs.encode(result, kind)
    return kind, data


def _with_context(context: Context, kind: str, data: bytes) -> Answer:
    """An answer with what the script set on its context."""
    headers = context.response_headers
    attributes = headers.get(CUSTOM_ATTRIBUTES.lower(), "")
    session = headers.get(NEW_SESSION_ID.lower()) or headers.get(SESSION_ID.lower(), "")
    error = ""
    if context.status >= 400:
        error = failures.one_line(data[:1000].decode(errors="replace")) or "error"
    closed = headers.get(CLOSED_SESSION_ID.lower(), "")
    told = (context.content_type or kind, attributes, session, error, closed)
    fields = [_latin(each) for each in told]
    return int(context.status), b"\0".join(fields).rstrip(b"\0"), data


def _failed(error: BaseException) -> Answer:
    """An exception as an answer: its status, one line, and the traceback on stderr."""
    if isinstance(error, RequestFailure):
        status, text = error.status, error.message
        if text:
            failures.say(f"{status}: {text}\n")
    else:
        status, text = failures.status(error), failures.describe(error)
        failures.print_trace(error)
    meta = b"\0".join((_PLAIN_TEXT, b"", b"", _latin(text)))
    return status, meta, text.encode(errors="replace")


def _latin(text: str) -> bytes:
    """A header's text as the frames carry it: no NUL, no line break, latin-1."""
    clean = text.replace("\0", "").replace("\r", " ").replace("\n", " ")
    return clean.encode("latin-1", errors="replace")


def _system_properties(settings: Settings) -> dict[str, Any]:
    return {
        "model_dir": settings.model_dir,
        "gpu_id": 0 if settings.gpus else None,
        "batch_size": 1,
        "server_name": "hostler",
        "server_version": "1",
    }
