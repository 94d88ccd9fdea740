"""Takes the code blocks out of sagemaker.md and fills the placeholders in; nothing else changes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).with_name("sagemaker.md")

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SECTION = re.compile(r"^(?:## )?(\d+(?:\.\d+)?) ", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\{([A-Za-z][A-Za-z-]*)\}")


@dataclass(frozen=True, slots=True)
class Block:
    """A code block: the number it stands under, and the language it is written in."""

    section: str
    language: str
    text: str

    @property
    def name(self) -> str:
        return f"§{self.section} {self.language}"

    def filled(self, values: Mapping[str, str]) -> str:
        """The block with every placeholder filled in; a KeyError names one without a value.

        Braces that are code (an f-string's, JSON's) hold more than a word and stay.
        """
        return _PLACEHOLDER.sub(lambda match: values[match[1]], self.text)


def blocks(page: Path = PAGE) -> list[Block]:
    """Every block of the page, in order."""
    text = page.read_text()
    found = []
    for match in _BLOCK.finditer(text):
        sections = [each for each in _SECTION.finditer(text) if each.start() < match.start()]
        found.append(Block(sections[-1][1], match[1], match[2]))
    return found


def block(section: str, language: str) -> Block:
    """The one block of a section in a language."""
    (only,) = [each for each in blocks() if (each.section, each.language) == (section, language)]
    return only


def placeholders(
    *, company: str, account: str, region: str, team: str, project: str, model: str
) -> dict[str, str]:
    """A value for each placeholder of the page."""
    return {
        "company": company,
        "account-id": account,
        "region": region,
        "team": team,
        "Team": team.title(),
        "project": project,
        "Project": project.title(),
        "model": model,
        "model-name": model,
        "subnet-a": "subnet-0a1b2c3d",
        "subnet-b": "subnet-4e5f6a7b",
    }
