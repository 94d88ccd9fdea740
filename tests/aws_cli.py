"""AWS CLI v1 as tests use it: many command lines, one interpreter."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from running import Running

CLIENTS = Path(__file__).parents[1] / ".cache/clients/sdk2/bin"
PROGRAM = [str(CLIENTS / "python"), str(Path(__file__).parent / "conformance/clients/many_aws.py")]
"""It runs a command line for each line that it is given."""


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


def aws(server: Running, cwd: Path, commands: Mapping[str, str | Sequence[str]]) -> dict[str, Said]:
    """Run AWS CLI v1 command lines (by a name each) in order, as root."""
    lines = [line.split() if isinstance(line, str) else line for line in commands.values()]
    done = subprocess.run(
        PROGRAM,
        input="".join(f"{json.dumps(line)}\n" for line in lines),
        env=server.environment(),
        cwd=cwd,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return {name: Said(**each) for name, each in zip(commands, answers, strict=True)}


def failed(said: Mapping[str, Said], *expected: str) -> None:
    """Every command succeeded but those that are expected not to."""
    wrong = {name for name, each in said.items() if each.status != 0}
    assert wrong == set(expected), {name: said[name] for name in wrong ^ set(expected)}
