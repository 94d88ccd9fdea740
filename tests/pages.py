"""The code blocks of a how-to page, as a reader would run them."""

import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from running import REGION

HOW_TO = Path(__file__).parents[1] / "docs/how-to"
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def code(page: str, language: str) -> list[str]:
    """The blocks of a language, in order; those of none are commands of `hostler`, or output."""
    text = (HOW_TO / f"{page}.md").read_text()
    return [match[2] for match in _BLOCK.finditer(text) if match[1] == language]


OF_MONITORING = ("metrics", "alarms", "sns", "logs", "auto-scaling", "serverless", "clean-up")
"""The pages whose commands do as they stand, one after another, for an endpoint `iris`."""


def script(page: str) -> str:
    """The command lines of a page of monitoring, here and now."""
    now = datetime.now(UTC)
    text = "".join(code(page, "bash")).replace("us-east-1", REGION)
    for written, hours in (("2026-11-28T09:00:00Z", -1), ("2026-11-28T10:00:00Z", 1)):
        text = text.replace(written, f"{now + timedelta(hours=hours):%Y-%m-%dT%H:%M:00Z}")
    return text


def commands(page: str) -> Iterator[list[str]]:
    """The same by words: they are plain commands, without variables."""
    whole = ""
    for line in script(page).replace("\\\n", " ").splitlines(keepends=True):
        whole += line
        if whole.count("'") % 2 == 0:
            if words := shlex.split(whole, comments=True):
                yield words
            whole = ""
