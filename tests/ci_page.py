"""docs/how-to/ci.md: its blocks, and an environment without settings to run them in."""

import os
import re
import sys
from pathlib import Path

from client_matrix import ROOT

PAGE = ROOT / "docs/how-to/ci.md"


def block(language: str) -> str:
    (only,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return str(only)


def clean_environment(**more: str) -> dict[str, str]:
    dropped = ("AWS_", "SAGEMAKER_", "HOSTLER_", "PYTEST_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return kept | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"} | more
