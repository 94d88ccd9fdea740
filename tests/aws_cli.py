"""AWS CLI v1 as tests use it: many command lines, one interpreter."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from running import Running

CLIENTS = Path(__file__).parents[1] / ".cache/clients/sdk2/bin"
MANY_AWS = Path(__file__).parent / "conformance/clients/many_aws.py"


@dataclass(frozen=True)
class Said:
    status: int
    out: str
    err: str

    @property
    def words(self) -> list[str]:
        return self.out.split()

    @property
    def document(self) -> Any:
        return json.loads(self.out)


def aws(server: Running, cwd: Path, commands: Mapping[str, str]) -> dict[str, Said]:
    """Run AWS CLI v1 command lines (by a name each) in order, as root."""
    lines = [line.split() for line in commands.values()]
    done = subprocess.run(
        [str(CLIENTS / "python"), str(MANY_AWS)],
        input=json.dumps(lines),
        env=server.environment(),
        cwd=cwd,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return {
        name: Said(**each) for name, each in zip(commands, json.loads(done.stdout), strict=True)
    }


def failed(said: Mapping[str, Said], *expected: str) -> None:
    """Every command succeeded but those that are expected not to."""
    wrong = {name for name, each in said.items() if each.status != 0}
    assert wrong == set(expected), {name: said[name] for name in wrong ^ set(expected)}
