"""Triton's Python backend, from the server that the nvidia-pytriton wheel carries.

A request's body is one raw binary input, so that Triton parses nothing itself; several in line are
given to the model together, as dynamic batching does.
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

import contextlib
import dataclasses
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from bench.peers.base import APPS, AbsentError, Kind, Peer, Place, free_port, served

_CONFIG = """
name: "{model}"
backend: "python"
max_batch_size: 32
dynamic_batching {{ }}
input [ {{ name: "body" data_type: TYPE_STRING dims: [ 1 ] }} ]
output [ {{ name: "answer" data_type: TYPE_STRING dims: [ 1 ] }} ]
instance_group [ {{ count: 1 kind: KIND_CPU }} ]
"""


@contextlib.contextmanager
def start(place: Place) -> Iterator[Peer]:
    place = dataclasses.replace(place, models=_models(place))
    port = free_port()
    packages = next((place.python.parents[1] / "lib").glob("python3.*/site-packages"))
    server = packages / "pytriton/tritonserver"
    command = (
        server / "bin/tritonserver",
        f"--model-repository={_repository(place)}",
        f"--backend-directory={_backends(place, server, packages.parent.name)}",
        "--http-address=127.0.0.1",
        f"--http-port={port}",
        "--backend-config=python,stub-timeout-seconds=120",  # the first import may be slow
        "--allow-grpc=false",
        "--allow-metrics=false",
    )
    libraries = {"LD_LIBRARY_PATH": str(packages / "nvidia_pytriton.libs")}
    target = f"/v2/models/{place.model}/infer"
    raw = (("inference-header-content-length", "0"),)
    with served(
        place, KIND.name, *command, port=port, target=target, headers=raw, env=libraries
    ) as peer:
        yield peer


def _models(place: Place) -> Path:
    """The same models, trained in its own environment: its numpy reads no newer one's files."""
    models = place.work / "models"
    models.mkdir()
    probe = json.dumps([0.0, 0.0, 0.0, 0.0])
    command = [str(place.python), str(APPS / "train.py"), str(models), probe]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AbsentError(f"the models cannot be trained: {done.stderr.splitlines()[-1]}")
    return models


def _repository(place: Place) -> Path:
    model = place.work / "repository" / place.model
    (model / "1").mkdir(parents=True)
    (model / "config.pbtxt").write_text(_CONFIG.format(model=place.model))
    shutil.copy(APPS / "triton_model.py", model / "1/model.py")
    shutil.copy(APPS / "predictors.py", model / "1")
    return model.parent


def _backends(place: Place, server: Path, python: str) -> Path:
    """The Python backend with its stub for this version of Python."""
    backends = place.work / "backends"
    shutil.copytree(server / "backends/python", backends / "python")
    stub = server / "python_backend_stubs" / python.removeprefix("python")
    if not stub.is_dir():
        raise AbsentError(f"the wheel has no Python backend for {python}")
    shutil.copy(stub / "triton_python_backend_stub", backends / "python")
    return backends


KIND = Kind(
    name="triton",
    title="Triton, Python backend",
    start=start,
    version="Triton of nvidia-pytriton {nvidia-pytriton}",
    requirements=("nvidia-pytriton==0.7.0",),
)
