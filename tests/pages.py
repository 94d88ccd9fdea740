"""The code blocks of a how-to page, as a reader would run them."""

import re
from pathlib import Path

HOW_TO = Path(__file__).parents[1] / "docs/how-to"
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def code(page: str, language: str) -> list[str]:
    """The blocks of a language, in order; those of none are commands of `hostler`, or output."""
    text = (HOW_TO / f"{page}.md").read_text()
    return [match[2] for match in _BLOCK.finditer(text) if match[1] == language]
