"""Asks the vulnerability service about what is locked (`make audit`).

Exit 1 where a locked package of Hostler's own has a known vulnerability that another version mends.
The runtimes' locks follow AWS's images, old versions among them: what is known of those is said,
and fails nothing. Where the service cannot be reached, or knows none of the packages (an index of a
company's own), that is said, and nothing fails either.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import uv

from hostler.backends.process.pip_settings import uv_environment

ROOT = Path(__file__).parent.parent
LOCKS = ROOT / "src/hostler/backends/process/locks"
TIMEOUT_S = 300
_HASH = re.compile(r" *\\\n *--hash=\S+")


def main() -> int:
    """0 unless something of our own should be mended."""
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder) / "hostler.txt"
        own.write_text(_exported())
        found = _audited(own)
        if found is None:
            print("no vulnerability service answers here: nothing was audited")
            return 0
        for line in found:
            print(f"uv.lock: {line}")
        for lock in sorted(LOCKS.glob("*.txt")):
            pins = Path(folder) / lock.name
            pins.write_text(without_hashes(lock.read_text()))
            for line in _audited(pins) or ():
                print(f"runtime {lock.stem}: {line}")
    if not found:
        print("no locked package of Hostler's has a known vulnerability that another version mends")
    return 1 if found else 0


def _exported() -> str:
    """uv.lock as pinned requirements."""
    words = (uv.find_uv_bin(), "export", "--frozen", "--no-emit-project", "--no-hashes", "--quiet")
    environment = {**os.environ, **uv_environment()}
    done = subprocess.run(
        words, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def without_hashes(lock: str) -> str:
    """Pins alone: pip-audit takes hashes of all packages or of none, and torch has none."""
    return _HASH.sub("", lock)


def _audited(requirements: Path) -> list[str] | None:
    """A line for each vulnerability that another version mends; None without an answer."""
    words = (sys.executable, "-m", "pip_audit", "--disable-pip", "--no-deps", "--format", "json")
    try:
        done = subprocess.run(
            (*words, "--progress-spinner", "off", "--requirement", requirements),
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
        )
        document = json.loads(done.stdout)
    except (ValueError, subprocess.TimeoutExpired):
        return None
    return list(mendable(document)) if is_answered(document) else None


def is_answered(document: Mapping[str, Any]) -> bool:
    """Whether anything was audited: what the index does not know is skipped, and passes."""
    return any("skip_reason" not in package for package in document["dependencies"])


def mendable(document: Mapping[str, Any]) -> Iterator[str]:
    """The lines of pip-audit's document."""
    for package in document["dependencies"]:
        for each in package.get("vulns", ()):
            if each["fix_versions"]:
                versions = ", ".join(each["fix_versions"])
                yield f"{package['name']} {package['version']}: {each['id']}, mended in {versions}"


if __name__ == "__main__":
    sys.exit(main())
