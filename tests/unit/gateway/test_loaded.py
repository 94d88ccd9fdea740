"""What a gateway loads: that is most of each start, which its connections wait for."""

import subprocess
import sys

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


def test_a_gateway_says_which_options_it_did_not_get() -> None:
    words = [sys.executable, "-m", "hostler.gateway", "--slot", "0"]
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert "these options are not understood (KeyError('--fd')); ``python -m" in done.stderr
