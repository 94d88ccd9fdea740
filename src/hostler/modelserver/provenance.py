"""Which framework, and which version of it, wrote a model's files: read from their bytes.

Invariant: nothing is unpickled, imported or executed, and what is read of a folder is bounded, so
that it is safe on an archive of unknown origin, outside the sandbox too. A guess is never made:
what the bytes do not say is left empty.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import zlib
from dataclasses import dataclass
from typing import IO, Iterator, Optional

FILES_MAX = 64
READ_MAX = 8 << 20
"""Bytes read of one file's beginning, and as many of its end."""
FOLDER_MAX = 128 << 20
"""Bytes looked at in one folder."""

# The kinds of runtimes.toml.
SCIKIT_LEARN, XGBOOST, LIGHTGBM = "scikit-learn", "xgboost", "lightgbm"
PYTORCH, ONNX, HUGGING_FACE = "pytorch", "onnx", "huggingface"

# An estimator's state holds it; a few bytes of pickle's own lie between the name and the value.
_SKLEARN = re.compile(rb"_sklearn_version.{1,8}?(\d+\.\d+(?:\.\d+)?)", re.DOTALL)
_XGBOOST_JSON = re.compile(rb'"version"\s*:\s*\[\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*\]')
_XGBOOST_UBJ = re.compile(rb"L\0{7}\x07version\[#L\0{7}\x03i(.)i(.)i(.)", re.DOTALL)
_TRANSFORMERS = re.compile(rb'"transformers_version"\s*:\s*"(\d+(?:\.\d+)*)')
_PICKLES = (".pkl", ".pickle", ".joblib", ".bin", "xgboost-model")
_COMPRESSED = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda", b"\x1f\x8b")
"""How zlib's levels and gzip begin; joblib writes both."""
_LEGACY_HEAD = 136
"""Bytes of ``LearnerModelParamLegacy``, with which XGBoost's binary files begin."""


@dataclass(frozen=True)
class Written:
    """What a file says of its origin; ``version`` is "" where it does not say."""

    framework: str
    version: str
    file: str


def of_folder(model_dir: str) -> list[Written]:
    """The origins of a model's files, the nearest first; ``code/`` and hidden files left out."""
    found = []
    left = FOLDER_MAX
    for relative in sorted(_files(model_dir), key=lambda name: (name.count(os.sep), name)):
        path = os.path.join(model_dir, relative)
        with contextlib.suppress(OSError):
            left -= min(os.path.getsize(path), 2 * READ_MAX)
        if left < 0:
            break
        origin = of_file(path)
        if origin is not None:
            found.append(Written(*origin, relative))
    return found


def of_file(path: str) -> Optional[tuple[str, str]]:
    """(framework, version) of a file; None when it is nobody's we know, or cannot be read."""
    try:
        if not os.path.isfile(path) or os.path.islink(path):
            return None
        with open(path, "rb") as file:
            return _origin(os.path.basename(path), *_ends(file))
    except OSError:
        return None


def _files(model_dir: str) -> Iterator[str]:
    left = FILES_MAX
    for folder, folders, names in os.walk(model_dir):
        relative = os.path.relpath(folder, model_dir)
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and not (relative == "." and name == "code")
        )
        for name in sorted(names):
            if name.startswith("."):
                continue
            if left <= 0:
                return
            left -= 1
            yield os.path.normpath(os.path.join(relative, name))


def _ends(file: IO[bytes]) -> tuple[bytes, bytes]:
    """A file's beginning and end; of a compressed one what its beginning unpacks to."""
    head = file.read(READ_MAX)
    if head[:2] in _COMPRESSED:
        try:
            return zlib.decompressobj(wbits=47).decompress(head, READ_MAX), b""
        except zlib.error:
            return head, b""
    end = file.seek(0, io.SEEK_END)
    if end <= len(head):
        return head, b""
    file.seek(max(len(head), end - READ_MAX))
    return head, file.read(READ_MAX)


def _origin(name: str, head: bytes, tail: bytes) -> Optional[tuple[str, str]]:
    both = head + tail
    if head[:1] == b"\x80" or name.endswith(_PICKLES[:3]):
        return _of_pickle(both)
    if head[:2] == b"PK":
        return (PYTORCH, "") if b"/data.pkl" in both or b"/constants.pkl" in both else None
    if name.endswith(".onnx"):
        return ONNX, ""
    if head.startswith(b"tree\n") and b"num_class=" in head[:200]:
        return LIGHTGBM, ""
    if head[:1] == b"{":
        return _of_json(name, both)
    if name.endswith(_PICKLES[3:]) or head.startswith(b"binf"):
        return _of_binary(head)
    return None


def _of_pickle(data: bytes) -> Optional[tuple[str, str]]:
    """Pickles name their classes' modules; that of the framework that has to be there decides."""
    if b"xgboost." in data:
        return XGBOOST, _xgboost_version(data)
    if b"lightgbm." in data:
        return LIGHTGBM, ""
    if b"torch" in data and b"_rebuild_tensor" in data:
        return PYTORCH, ""
    if b"sklearn" in data:
        found = _SKLEARN.search(data)
        return SCIKIT_LEARN, found[1].decode() if found else ""
    return None


def _of_json(name: str, data: bytes) -> Optional[tuple[str, str]]:
    if name == "config.json":
        found = _TRANSFORMERS.search(data)
        is_model = found or b'"architectures"' in data or b'"model_type"' in data
        return (HUGGING_FACE, found[1].decode() if found else "") if is_model else None
    if b"learner" in data and (b'"learner_model_param"' in data or b"learner_model_param" in data):
        return XGBOOST, _xgboost_version(data)
    return None


def _xgboost_version(data: bytes) -> str:
    if found := _XGBOOST_JSON.search(data):
        return ".".join(part.decode() for part in found.groups())
    if found := _XGBOOST_UBJ.search(data):
        return ".".join(str(part[0]) for part in found.groups())
    return "0.90" if b"handle" in data and b"CONFIG-offset:" not in data else ""


def _of_binary(head: bytes) -> Optional[tuple[str, str]]:
    """XGBoost's binary form: a struct of base_score, counts, and since 1.0 the version."""
    head = head[4:] if head.startswith(b"binf") else head
    if len(head) < _LEGACY_HEAD:
        return None
    major, minor = (int.from_bytes(head[at : at + 4], "little") for at in (20, 24))
    reserved = head[28:_LEGACY_HEAD]
    if major > 99 or minor > 99 or sum(map(bool, reserved)) > len(reserved) // 4:
        return None
    return XGBOOST, f"{major}.{minor}" if major else "0.90"
