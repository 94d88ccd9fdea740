"""What a gateway loads: that is most of each start, which its connections wait for."""

import subprocess
import sys

import pytest

UNNEEDED = {
    "argparse",
    "boto3",
    "hostler.api",
    "hostler.control",
    "hostler.domain.config",
    "hostler.domain.endpoint",
    "hostler.domain.instance",
    "hostler.domain.model",
    "hostler.store",
    "pydantic",
    "sqlalchemy",
    "starlette",
    "tempfile",
    "uvicorn",
}


def test_a_gateway_loads_nothing_that_only_others_need() -> None:
    words = "import sys, hostler.gateway.__main__; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", words], check=True, capture_output=True, text=True)
    loaded = set(done.stdout.split())
    assert "hostler.gateway.gateway" in loaded
    assert not loaded & UNNEEDED


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "missing 2 required positional arguments: 'fd' and 'data_dir'"),
        (["--fd", "three", "--data-dir", "/d"], "invalid literal for int() with base 10: 'three'"),
        (["--fd", "3", "--setting", "{}"], "there is no --setting;"),
        (["--fd", "3", "--data-dir"], "is longer than argument"),
        (["--settings", '{"conections": 1}'], "unexpected keyword argument 'conections'"),
    ],
)
def test_a_gateway_says_which_options_it_does_not_understand(words: list[str], why: str) -> None:
    command = [sys.executable, "-m", "hostler.gateway", *words]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("these options are not understood: ")
    assert why in done.stderr.replace("shorter", "longer")
    assert "``python -m hostler.gateway --data-dir D" in done.stderr
