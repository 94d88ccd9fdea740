"""Models served in a framework's interpreter, many in one process: starting one takes seconds."""

import json
import shutil
import subprocess
import tempfile
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hostler.modelserver
from frameworks import framework_python

_ROOM = Path(hostler.modelserver.__file__).parent
_SERVE = """
import base64, contextlib, importlib.util, io, json, os, sys
room, path = sys.argv[1:]
start = importlib.util.spec_from_file_location("start", room + "/bootstrap.py")
bootstrap = importlib.util.module_from_spec(start)
start.loader.exec_module(bootstrap)
bootstrap.load()
from hostler_modelserver import batching, contract, failures, settings

sizes = []
predict = batching.Rows.predict

def counted(rows, together):
    predictions = predict(rows, together)
    sizes.append(len(together))
    return predictions

batching.Rows.predict = counted

def serve(case, log):
    told = settings.Settings.from_spec(case["spec"])
    os.environ.update(told.variables())
    try:
        model = contract.load(told)
    except failures.LoadFailure as failure:
        return {"cause": failure.cause, "message": failure.message, "batch_max": 0,
                "predicted_max": 0, "replies": [], "together": []}
    sizes.clear()  # of what was tried while it loaded
    asked = [(f"{content_type}\\0{accept}".encode("latin-1"), base64.b64decode(body))
             for body, content_type, accept in case["requests"]]
    size = case["together"]
    batches = [asked[at : at + size] for at in range(0, len(asked), size)] if size else []
    together = [reply for batch in batches for reply in model.invoke_many(batch)]
    predicted_max = max(sizes, default=0)
    sizes.clear()
    replies = [model.invoke(*each) for each in asked]
    return {"cause": "", "message": "", "batch_max": model.batch_max,
            "predicted_max": predicted_max,
            "replies": list(map(plain, replies)), "together": list(map(plain, together))}

def plain(reply):
    status, fields, answer = reply
    text = base64.b64encode(answer).decode()
    return status, fields.decode("latin-1").split("\\0"), text

served = []
for case in json.loads(open(path).read()):
    with contextlib.redirect_stderr(io.StringIO()) as log:
        result = serve(case, log)
    served.append({**result, "log": log.getvalue()})
json.dump(served, open(path, "w"))
"""


@dataclass(frozen=True)
class Ask:
    """One request."""

    body: bytes
    content_type: str = "application/json"
    accept: str = ""


@dataclass(frozen=True)
class Reply:
    """One answer, as the worker gives it to the gateway."""

    status: int
    kind: str
    body: bytes
    error: str = ""

    @property
    def json(self) -> Any:
        assert self.status == 200, self
        return json.loads(self.body)


@dataclass(frozen=True)
class Case:
    """A model's folder, what its instance is told, and what it is asked."""

    files: Mapping[str, str | bytes | Path]
    asks: Sequence[Ask] = ()
    spec: Mapping[str, Any] = field(default_factory=dict)
    together: int = 0
    """Asked in batches of so many as well."""


@dataclass(frozen=True)
class Served:
    """What became of a case."""

    cause: str
    message: str
    log: str
    replies: tuple[Reply, ...]
    together: tuple[Reply, ...]
    """The answers to them in batches."""
    batch_max: int
    predicted_max: int
    """The most requests that one prediction over rows was made for."""


def serve(runtime: str, cases: Sequence[Case]) -> list[Served]:
    """Load each model in one interpreter of the runtime, and ask it."""
    folder = Path(tempfile.mkdtemp(dir="/tmp", prefix="h-"))
    try:
        told = [_told(folder / f"{number}", case) for number, case in enumerate(cases)]
        path = folder / "cases.json"
        path.write_text(json.dumps(told))
        words = [framework_python(runtime), "-I", "-c", _SERVE, str(_ROOM), str(path)]
        done = subprocess.run(words, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return [_served(each) for each in json.loads(path.read_text())]
    finally:
        shutil.rmtree(folder)


def _told(model_dir: Path, case: Case) -> dict[str, Any]:
    model_dir.mkdir()
    for name, content in case.files.items():
        path = model_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        match content:
            case Path() if content.is_dir():
                shutil.copytree(content, path, dirs_exist_ok=True)
            case Path():
                shutil.copy(content, path)
            case bytes():
                path.write_bytes(content)
            case str():
                path.write_text(content)
    spec = {"model_dir": str(model_dir), "socket_dir": str(model_dir), **case.spec}
    asks = [(b64encode(ask.body).decode(), ask.content_type, ask.accept) for ask in case.asks]
    return {"spec": spec, "requests": asks, "together": case.together}


def _served(result: Mapping[str, Any]) -> Served:
    return Served(
        result["cause"],
        result["message"],
        result["log"],
        tuple(_reply(*each) for each in result["replies"]),
        tuple(_reply(*each) for each in result["together"]),
        result["batch_max"],
        result["predicted_max"],
    )


def _reply(status: int, meta: Sequence[str], body: str) -> Reply:
    return Reply(status, meta[0], b64decode(body), meta[3] if len(meta) > 3 else "")
