"""What a framework's handler offers: the four steps with that framework's defaults.

Invariant: ``input`` gives what AWS's default input_fn gives for the same body, so that a script
with its own predict_fn sees what it saw there; conveniences that need the model are in ``predict``.
"""

from __future__ import annotations

import os
from typing import Any, Optional, Sequence

from .. import codecs, failures, provenance
from ..batching import Batcher
from ..failures import BadInput, LoadFailure
from ..settings import Settings

_SHOWN_MAX = 12


class Handler:
    """The defaults of the generic image: JSON and CSV in, ``model.predict`` or a call, JSON out.

    ``scripted`` says that a user's script supplies some of the steps.
    """

    name = "generic"
    suffixes: tuple[str, ...] = ()
    """Model files it can load without a script."""
    shared: tuple[str, ...] = ()
    """Those that others have too: its own in its own runtime, or where the bytes say so."""

    def __init__(self, settings: Settings, *, scripted: bool = False) -> None:
        self.settings = settings
        self.scripted = scripted
        self.numpy = codecs.numpy_or_none()

    @classmethod
    def find(cls, files: Sequence[str], settings: Settings) -> Optional[str]:
        """Which of the archive's files (relative, nearest first) it loads without a script.

        "" is the model's folder as a whole, None that there is nothing for it.

        Raises:
            LoadFailure: there are several, without a clear one.
        """
        names = [name for name in files if name.endswith((*cls.suffixes, *cls.shared))]
        paths = {name: os.path.join(settings.model_dir, name) for name in names}
        origins = {name: provenance.of_file(path) for name, path in paths.items()}
        own = [name for name, origin in origins.items() if origin and origin[0] == cls.name]
        if not own and settings.runtime != cls.name:
            names = [name for name in names if name.endswith(cls.suffixes)]
        candidates = own or names
        return clear_one(candidates) if candidates else None

    @property
    def default_accept(self) -> str:
        """What is answered where neither caller nor user's settings say; "" for JSON."""
        return ""

    def load(self, path: str) -> Any:
        """The model in a file, or in the model's folder.

        Raises:
            LoadFailure: the file does not hold one that can serve.
        """
        raise NotImplementedError(path)

    def input(self, body: bytes, content_type: str) -> Any:
        """A decoded body: an array where numpy is there and it is numeric, else Python values."""
        value, _ = codecs.unwrap(codecs.decode(body, content_type))
        if self.numpy is None or isinstance(value, (dict, self.numpy.ndarray)):
            return value
        return self.array(value)

    def array(self, value: Any) -> Any:
        """Nested lists as an array; of objects where the cells are not numbers."""
        numpy = self.numpy
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return value
        try:
            array = numpy.asarray(value)
            if array.dtype.kind in "US":
                array = numpy.asarray(value, dtype=object)
        except (ValueError, OverflowError) as error:
            raise BadInput(f"The rows do not form an array: {error}") from None
        return array

    def predict(self, data: Any, model: Any) -> Any:
        """``model.predict(data)``, or ``model(data)``."""
        method = getattr(model, "predict", None)
        return method(data) if method is not None else model(data)

    def batcher(self, model: Any) -> Optional[Batcher]:
        """What answers several requests at once as each would be alone; None for nothing."""
        del model
        return None

    def output(self, prediction: Any, accept: str) -> tuple[bytes, str]:
        """The prediction in an accepted form, and that form."""
        return codecs.encode(prediction, accept)


def clear_one(candidates: Sequence[str]) -> str:
    """``model.*`` if there is one, else the only one of the nearest folder."""
    depth = candidates[0].count(os.sep)
    nearest = [name for name in candidates if name.count(os.sep) == depth]
    named = [name for name in nearest if os.path.basename(name).partition(".")[0] == "model"]
    if named or len(nearest) == 1:
        return (named or nearest)[0]
    raise LoadFailure(
        failures.NO_HANDLER,
        f"The archive holds several model files ({listed(nearest)}): name one of them model"
        f"{os.path.splitext(nearest[0])[1]}, or add code/inference.py with model_fn.",
    )


def listed(names: Sequence[str]) -> str:
    """Names for a sentence; of many the first ones."""
    shown = ", ".join(names[:_SHOWN_MAX])
    more = len(names) - _SHOWN_MAX
    return f"{shown} and {more} more" if more > 0 else shown
