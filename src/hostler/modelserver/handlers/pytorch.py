"""PyTorch: TorchScript files without a script, and the defaults for any module a script loads.

Invariant: a model answers in evaluation mode and without gradients.
"""

from __future__ import annotations

import os
import warnings
from typing import Any

from .. import codecs, failures, media
from ..failures import BadInput, LoadFailure
from ..settings import Settings
from .base import Handler


class PyTorch(Handler):
    name = "pytorch"
    suffixes = (".pt", ".pth")

    def __init__(self, settings: Settings, *, scripted: bool = False) -> None:
        super().__init__(settings, scripted=scripted)
        import torch  # noqa: PLC0415 - only some environments have it

        self.torch = torch
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    def load(self, path: str) -> Any:
        name = os.path.basename(path)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                model = self.torch.jit.load(path, map_location=self.device)
        except MemoryError as error:
            text = f"{name}: out of memory while loading"
            raise LoadFailure(failures.OUT_OF_MEMORY, text) from error
        except (RuntimeError, ValueError, OSError) as error:
            raise LoadFailure(
                failures.MODEL_LOAD,
                f"{name} is not TorchScript: save it with torch.jit.save, or add "
                f"code/inference.py with a model_fn that builds the module and loads its state "
                f"({failures.describe(error)})",
            ) from error
        return model.eval()

    def input(self, body: bytes, content_type: str) -> Any:
        """A tensor: float32 from text, the array's own type from npy."""
        value, wrapped = codecs.unwrap(codecs.decode(body, content_type))
        if isinstance(value, dict):
            return value
        torch = self.torch
        is_text = media.essence(content_type) in media.TEXT_TYPES
        try:
            if is_text or self.numpy is None:
                tensor = torch.tensor(value, dtype=torch.float32)
            else:
                tensor = torch.from_numpy(value)
        except (ValueError, TypeError, RuntimeError) as error:
            raise BadInput(f"The rows do not form a tensor: {error}") from None
        if wrapped and tensor.ndim == 1:
            tensor = tensor.unsqueeze(0)
        return tensor.to(self.device)

    def predict(self, data: Any, model: Any) -> Any:
        torch = self.torch
        if isinstance(model, torch.nn.Module) and model.training:
            model.eval()
        with torch.no_grad():
            if isinstance(data, dict):
                named = {name: self._tensor(value) for name, value in data.items()}
                return model(**named)
            return model(self._as_parameters(data, model))

    def _tensor(self, value: Any) -> Any:
        try:
            tensor = self.torch.as_tensor(value)
        except (ValueError, TypeError, RuntimeError) as error:
            raise BadInput(f"An input does not form a tensor: {error}") from None
        is_double = tensor.dtype == self.torch.float64
        return (tensor.float() if is_double else tensor).to(self.device)

    def _as_parameters(self, data: Any, model: Any) -> Any:
        """Floating-point data in the precision of the model's parameters: numpy's is double."""
        if not isinstance(data, self.torch.Tensor) or not data.is_floating_point():
            return data
        for parameter in getattr(model, "parameters", tuple)():
            if parameter.is_floating_point():
                return data if parameter.dtype == data.dtype else data.to(parameter.dtype)
        return data

    def output(self, prediction: Any, accept: str) -> tuple[bytes, str]:
        return codecs.encode(self._arrays(prediction), accept)

    def _arrays(self, value: Any) -> Any:
        if isinstance(value, self.torch.Tensor):
            value = value.detach().cpu()
            if self.numpy is None or value.dtype == self.torch.bfloat16:
                return value.tolist()
            return value.numpy()
        if isinstance(value, dict):
            return {name: self._arrays(each) for name, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._arrays(each) for each in value]
        return value
