"""Model archives made in memory."""

import io
import tarfile
from collections.abc import Mapping

HANDLERS = """
import json

def input_fn(data, content_type):
    return json.loads(data)

def predict_fn(data, model):
    return data

def output_fn(prediction, accept):
    return json.dumps(prediction), "application/json"
"""
"""Of a model that answers what it is asked, whatever its ``model_fn`` made."""

ECHO = (
    HANDLERS
    + """
def model_fn(model_dir):
    return "echo"
"""
)


def archive(files: Mapping[str, str | bytes]) -> bytes:
    """A model.tar.gz that holds these files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def script(source: str, **others: str | bytes) -> bytes:
    """An archive with a user's inference.py."""
    return archive({"code/inference.py": source, **others})
