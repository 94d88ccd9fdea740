"""ONNX: models by onnxruntime, whose inputs and outputs have names, types and ranks.

Invariant: data is given to the model in the types that the model states; what cannot be is the
caller's mistake.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from .. import codecs, failures
from ..failures import BadInput, LoadFailure
from ..settings import Settings
from .base import Handler

_TYPES = {"float": "float32", "double": "float64", "string": "object", "boolean": "bool"}
"""numpy's names where they differ from ONNX's."""


class Onnx(Handler):
    name = "onnx"
    suffixes = (".onnx",)

    def __init__(self, settings: Settings, *, scripted: bool = False) -> None:
        super().__init__(settings, scripted=scripted)
        import onnxruntime  # noqa: PLC0415 - only some environments have it

        self.onnxruntime = onnxruntime
        states = onnxruntime.capi.onnxruntime_pybind11_state
        names = ("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NoSuchFile")
        more = ("NotImplemented", "RuntimeException", "NoModel")
        self._failures = tuple(getattr(states, name) for name in (*names, *more))

    def load(self, path: str) -> Any:
        """An inference session, on the GPU where this onnxruntime has one."""
        options = self.onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.settings.threads
        options.inter_op_num_threads = 1
        name = os.path.basename(path)
        try:
            session = self.onnxruntime.InferenceSession(
                path, options, providers=self.onnxruntime.get_available_providers()
            )
        except self._failures as error:
            raise LoadFailure(
                failures.MODEL_LOAD,
                f"{name} is no model that onnxruntime {self.onnxruntime.__version__} runs: {error}",
            ) from error
        print(f"{name}: {_made_by(session)}", file=sys.stderr)
        return session

    def predict(self, data: Any, model: Any) -> Any:
        """One output as it is, several by their names."""
        if not isinstance(model, self.onnxruntime.InferenceSession):
            return super().predict(data, model)
        inputs = model.get_inputs()
        if not isinstance(data, dict):
            if len(inputs) != 1:
                names = ", ".join(each.name for each in inputs)
                raise BadInput(f"The model has several inputs: send an object with {names}.")
            data = {inputs[0].name: data}
        known = {each.name: each for each in inputs}
        if strange := [name for name in data if name not in known]:
            held = ", ".join(known)
            raise BadInput(f"The model has no input {', '.join(strange)}; it has {held}.")
        fed = {name: self._fed(value, known[name]) for name, value in data.items()}
        try:
            answers = model.run(None, fed)
        except (*self._failures, ValueError) as error:
            raise BadInput(str(error)) from error
        if len(answers) == 1:
            return answers[0]
        return {each.name: value for each, value in zip(model.get_outputs(), answers)}

    def _fed(self, value: Any, given: Any) -> Any:
        """A value in an input's type; a bare row where the input wants rows."""
        kind = given.type[len("tensor(") : -1] if given.type.startswith("tensor(") else "float"
        try:
            array = self.numpy.asarray(value).astype(_TYPES.get(kind, kind))
        except (ValueError, TypeError) as error:
            raise BadInput(f"Input {given.name} does not form a tensor({kind}): {error}") from None
        if given.shape and array.ndim == len(given.shape) - 1:
            array = array.reshape(1, *array.shape)
        return array

    def output(self, prediction: Any, accept: str) -> tuple[bytes, str]:
        return codecs.encode(_lists(prediction), accept)


def _lists(value: Any) -> Any:
    """Several arrays, or classifiers' maps, as plain values; one array as it is."""
    if isinstance(value, dict):
        return {name: _lists(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_lists(each) for each in value]
    return value


def _made_by(session: Any) -> str:
    """Who wrote a model, as far as it says."""
    meta = session.get_modelmeta()
    inputs = ", ".join(f"{each.name} {each.type} {each.shape}" for each in session.get_inputs())
    return f"made by {meta.producer_name or 'an unnamed producer'}; takes {inputs}"
