"""The code blocks of a how-to page, as a reader would run them."""

import re
from pathlib import Path

HOW_TO = Path(__file__).parents[1] / "docs/how-to"


def code(page: str, language: str) -> list[str]:
    """The blocks of a language, in order."""
    text = (HOW_TO / f"{page}.md").read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
