"""Scripts of users, loaded by the toolkit's contract and asked in this process."""

from pathlib import Path

import pytest

from hostler.modelserver import contract
from hostler.modelserver.failures import LoadFailure
from hostler.modelserver.settings import Settings

MODEL_FN = "def model_fn(model_dir):\n    return 2\n"


def load(
    folder: Path, script: str = "", *, runtime: str = "generic", **environment: str
) -> contract.Model:
    if script:
        (folder / "code").mkdir(exist_ok=True)
        (folder / "code/inference.py").write_text(script)
    settings = Settings(
        socket_dir=str(folder), model_dir=str(folder), environment=environment, runtime=runtime
    )
    return contract.load(settings)


def fails(folder: Path, script: str = "", **environment: str) -> LoadFailure:
    with pytest.raises(LoadFailure) as caught:
        load(folder, script, **environment)
    assert "\n" not in caught.value.message
    return caught.value


def ask(
    model: contract.Model, body: bytes, content_type: str = "", accept: str = "", *rest: str
) -> tuple[int, list[str], bytes]:
    meta = "\0".join((content_type, accept, *rest)).encode("latin-1")
    status, told, answer = model.invoke(meta, body)
    return status, told.decode("latin-1").split("\0"), answer
