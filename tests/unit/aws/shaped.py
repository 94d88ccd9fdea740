"""Values of a shape, for property tests, and their common form for comparisons."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from hostler.aws import times
from hostler.aws.shapes import Shape

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
HEADER_TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)


def scalars(shape: Shape) -> st.SearchStrategy[Any]:
    match shape.type:
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(-(2**31), 2**31 - 1)
        case "long":
            return st.integers(-(2**53), 2**53)
        case "float" | "double":
            return st.floats(-1e9, 1e9, width=32)
        case "timestamp":
            return st.integers(0, 4_000_000_000).map(lambda s: datetime.fromtimestamp(s, UTC))
        case "blob":
            return st.binary(max_size=20)
        case _:
            return TEXT


def values(shape: Shape, depth: int = 0, *, located: bool = False) -> st.SearchStrategy[Any]:
    """Values of a shape, its constraints aside; members are there or not."""
    match shape.type:
        case "structure":
            if shape.document:
                return st.just({})
            return structures(shape, depth)
        case "list":
            return st.lists(
                values(shape.member, depth + 1, located=located), min_size=1, max_size=3
            )
        case "map":
            keys = HEADER_TEXT.map(str.lower) if located else TEXT
            items = HEADER_TEXT if located else values(shape.value, depth + 1)
            return st.dictionaries(keys, items, min_size=1, max_size=3)
        case "string" if located:
            return HEADER_TEXT.filter(lambda text: '"' not in text and "\\" not in text)
        case _:
            return scalars(shape)


def structures(shape: Shape, depth: int = 0) -> st.SearchStrategy[dict[str, Any]]:
    """A few members at a time: some of AWS's structures have a hundred."""

    def of(names: list[str]) -> st.SearchStrategy[dict[str, Any]]:
        return st.fixed_dictionaries(
            {
                name: values(
                    shape.members[name],
                    depth + 1,
                    located=shape.members[name].location is not None,
                )
                for name in names
            }
        )

    usable = [
        name
        for name, member in shape.members.items()
        if "eventstream" not in member.traits and not member.json_value
    ]
    if not usable:
        return st.just({})
    plain = [n for n in usable if shape.members[n].type not in ("structure", "list", "map")]
    if depth > 3 and plain:
        usable = plain
    if "union" in shape.traits:
        return st.sampled_from(usable).flatmap(lambda name: of([name]))
    if depth > 3 and not plain:
        return st.just({})
    # Below the top an empty structure leaves no trace in a form.
    names = st.lists(st.sampled_from(usable), unique=True, min_size=min(depth, 1), max_size=6)
    must = [n for n in usable if shape.members[n].location == "uri"]
    return names.map(lambda chosen: list(dict.fromkeys([*must, *chosen]))).flatmap(of)


def common(shape: Shape, value: Any) -> Any:
    """A value in the form in which both sides can be compared."""
    match shape.type:
        case "structure" if not shape.document:
            assert isinstance(value, Mapping)
            return {k: common(shape.members[k], v) for k, v in value.items() if k in shape.members}
        case "list":
            return [common(shape.member, item) for item in value]
        case "map":
            return {k: common(shape.value, v) for k, v in value.items()}
        case "timestamp":
            return times.seconds(value)
        case "blob":
            return value.encode() if isinstance(value, str) else value
        case "float" | "double":
            return "NaN" if math.isnan(float(value)) else float(value)
        case _:
            return value
