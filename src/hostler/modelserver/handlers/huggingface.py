"""Hugging Face: a pipeline of transformers over the model's folder, as AWS's inference toolkit.

HF_TASK says what it does, else the architecture in config.json; HF_MODEL_ID names a model of the
hub where the archive brings none. Invariant: a body is {"inputs": …, "parameters": {…}}, or the
inputs themselves (https://github.com/aws/sagemaker-huggingface-inference-toolkit).
"""

from __future__ import annotations

import io
import json
import os
from typing import Any, Optional, Sequence

from .. import codecs, failures, media
from ..failures import BadInput, LoadFailure, UnsupportedContentType
from ..settings import Settings
from .base import Handler

TASK, MODEL_ID, REVISION = "HF_TASK", "HF_MODEL_ID", "HF_MODEL_REVISION"
CONFIG = "config.json"
_TASKS = {
    "TapasForQuestionAnswering": "table-question-answering",
    "ForQuestionAnswering": "question-answering",
    "ForTokenClassification": "token-classification",
    "ForSequenceClassification": "text-classification",
    "ForMultipleChoice": "multiple-choice",
    "ForMaskedLM": "fill-mask",
    "ForCausalLM": "text-generation",
    "ForConditionalGeneration": "text2text-generation",
    "MTModel": "text2text-generation",
    "EncoderDecoderModel": "text2text-generation",
    "LMHeadModel": "text-generation",
    "ForImageClassification": "image-classification",
    "ForCTC": "automatic-speech-recognition",
    "Model": "feature-extraction",
}
"""By the end of an architecture's name; the first that fits."""
_OF_SOUND_AND_SIGHT = frozenset(
    {
        "automatic-speech-recognition",
        "audio-classification",
        "image-classification",
        "image-segmentation",
        "object-detection",
        "zero-shot-image-classification",
    }
)
_ERRORS = (ValueError, TypeError, KeyError, IndexError, AttributeError, RuntimeError)


class HuggingFace(Handler):
    name = "huggingface"
    suffixes = (CONFIG,)

    def __init__(self, settings: Settings, *, scripted: bool = False) -> None:
        super().__init__(settings, scripted=scripted)
        import torch  # noqa: PLC0415 - only some environments have it
        import transformers  # noqa: PLC0415

        self.torch, self.transformers = torch, transformers

    @classmethod
    def find(cls, files: Sequence[str], settings: Settings) -> Optional[str]:
        """The nearest folder with a config.json; the model's own where only the hub has one."""
        if settings.runtime != cls.name:
            return None
        configs = [name for name in files if os.path.basename(name) == CONFIG]
        if configs:
            return os.path.dirname(configs[0])
        return "" if settings.given(MODEL_ID) or (settings.given(TASK) and files) else None

    def load(self, path: str) -> Any:
        task = self.settings.given(TASK) or _task(os.path.join(path, CONFIG))
        given: dict[str, Any] = {}
        source = path
        if not os.path.exists(os.path.join(path, CONFIG)) and self.settings.given(MODEL_ID):
            source = self.settings.given(MODEL_ID)
            given = {"revision": self.settings.given(REVISION) or None}
        elif task in _OF_SOUND_AND_SIGHT:
            given = {"feature_extractor": path}
        else:
            given = {"tokenizer": path}
        trusted = self.settings.given("HF_TRUST_REMOTE_CODE").lower() in ("1", "true", "yes", "on")
        device = 0 if self.torch.cuda.is_available() else -1
        try:
            return self.transformers.pipeline(
                task, model=source, device=device, trust_remote_code=trusted, **given
            )
        except MemoryError as error:
            text = f"{source}: out of memory while loading"
            raise LoadFailure(failures.OUT_OF_MEMORY, text) from error
        except ImportError as error:
            raise LoadFailure(failures.IMPORT_ERROR, f"the {task} pipeline: {error}") from error
        except (*_ERRORS, OSError) as error:
            text = f"no {task} pipeline can be made of {source}: {failures.describe(error)}"
            raise LoadFailure(failures.MODEL_LOAD, text) from error

    def input(self, body: bytes, content_type: str) -> Any:
        """A dictionary with ``inputs``, as AWS's input_fn gives it; JSON's own where it is one."""
        kind = media.essence(content_type)
        if kind.startswith("audio/"):
            return {"inputs": body}
        if kind.startswith("image/"):
            return {"inputs": _image(body, content_type)}
        if kind == "text/plain":
            return {"inputs": body.decode("utf-8", "replace")}
        value = codecs.decode(body, content_type)
        return value if isinstance(value, dict) else {"inputs": value}

    def predict(self, data: Any, model: Any) -> Any:
        if not callable(model):
            return super().predict(data, model)
        inputs, parameters = data, dict[str, Any]()
        if isinstance(data, dict):
            left = dict(data)
            parameters = left.pop("parameters", None) or {}
            inputs = left.pop("inputs", left)
        if not isinstance(parameters, dict):
            raise BadInput('"parameters" must be an object.')
        try:
            with self.torch.inference_mode():
                return model(inputs, **parameters)
        except _ERRORS as error:  # AWS's toolkit answers all of them with 400
            raise BadInput(failures.describe(error)) from error


def _task(config: str) -> str:
    """What a model does, by its architecture.

    Raises:
        LoadFailure: config.json is not there or names no known architecture.
    """
    try:
        with open(config, encoding="utf-8") as file:
            architecture = str(json.load(file)["architectures"][0])
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        architecture = ""
    for end, task in _TASKS.items():
        if architecture.endswith(end):
            return task
    said = f"names the architecture {architecture}" if architecture else "names no architecture"
    raise LoadFailure(
        failures.NO_HANDLER,
        f"{CONFIG} {said}, which does not tell the task: set {TASK} in the model's Environment "
        "(text-classification, feature-extraction, …).",
    )


def _image(body: bytes, content_type: str) -> Any:
    try:
        import PIL.Image  # noqa: PLC0415 - only some environments have it
    except ImportError:
        raise UnsupportedContentType(
            f"{content_type} needs Pillow: add it to code/requirements.txt."
        ) from None
    try:
        return PIL.Image.open(io.BytesIO(body)).convert("RGB")
    except (OSError, ValueError) as error:
        raise BadInput(f"The body is not a readable {content_type}: {error}") from None
