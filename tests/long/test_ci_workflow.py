"""The workflow that docs/how-to/ci.md shows, step by step."""

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ci_page import block, clean_environment
from client_matrix import EXAMPLES, VENVS
from running import free_port, processes_of


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a runner with a home of its own, on a port that is free here."""
    environment = clean_environment(HOME=str(tmp_path), HOSTLER_PORT=str(free_port()))
    yield environment
    subprocess.run(["hostler", "down"], env=environment, check=False, capture_output=True)


def steps() -> list[Mapping[str, Any]]:
    """The workflow's steps that run commands, read by a real YAML parser (the SDK's)."""
    program = "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))"
    said = subprocess.run(
        [VENVS / "sdk2/bin/python", "-c", program],
        input=block("yaml"),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    workflow = json.loads(said)
    found: list[Mapping[str, Any]] = workflow["jobs"]["endpoint"]["steps"]
    return [step for step in found if "run" in step]


def test_the_pages_workflow_runs(
    runner: dict[str, str], tmp_path: Path, iris_archive: bytes
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (work / "model.tar.gz").write_bytes(iris_archive)
    (work / "quickstart.py").write_text((EXAMPLES / "quickstart.py").read_text())
    body = json.dumps({"features": [5.9, 3.0, 5.1, 1.8]})
    (work / "deploy_and_call.py").write_text(
        f"import quickstart\nquickstart.main('model.tar.gz', '{body}')\n"
    )
    variables = tmp_path / "variables"
    said = {}
    for step in steps():
        if step["name"] == "Install":
            continue  # what is tested is installed
        exported = variables.read_text().splitlines() if variables.exists() else []
        assert all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*=.*", line) for line in exported)
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=work,
            env=runner
            | {"GITHUB_ENV": str(variables)}
            | dict(line.split("=", 1) for line in exported),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, f"{step['name']}\n{done.stdout}\n{done.stderr}"
        said[step["name"]] = done.stdout
    assert said["Deploy and call"].strip() == "[2]"
    assert processes_of(tmp_path) == [], "the last step stopped it"
