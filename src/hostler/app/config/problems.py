"""What is wrong with settings, said so that a person can mend it."""

from collections.abc import Sequence
from dataclasses import dataclass


class SettingsError(Exception):
    """A setting that cannot be used; the text says which and what would do.

    ``problems`` are all of them, where a whole document was read.
    """

    def __init__(self, text: str, problems: Sequence["Problem"] = ()) -> None:
        super().__init__(text)
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where and with what ("F:3: server.port"), and what would do."""

    subject: str
    text: str

    def __str__(self) -> str:
        return f"{self.subject} {self.text}"


def refuse(problems: Sequence[Problem]) -> None:
    """Raise the first, with the number of the others, if there is any."""
    if problems:
        others = len(problems) - 1
        more = f" (and {others} more: `hostler config check` lists all)" if others else ""
        raise SettingsError(f"{problems[0]}{more}", problems)
