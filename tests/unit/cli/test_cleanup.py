"""`hostler cleanup` refuses what names no endpoint before it looks for any."""

from typing import Any

import pytest

from hostler.cli.cleanup import cleanup
from hostler.cli.output import CommandError


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"exempt": [""]}, "--exempt must name a tag"),
        ({"exempt": ["Keep", "=yes"]}, "--exempt must name a tag"),
        ({"include": [""]}, "--include must name a tag"),
        ({"environment": ["dev", ""]}, "--environment must name one"),
    ],
)
def test_what_names_nobody_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        cleanup(apply=True, **given)
