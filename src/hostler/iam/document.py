"""Policy documents: JSON text into immutable statements, or one clear refusal.

Invariant: a ``Document`` holds every element that its text holds, known to the engine or not, so
that nothing a policy says is lost in reading it; what cannot be read whole is refused whole.

Texts begin with IAM's own sentence and end with the place. The grammar:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from hostler.iam import conditions, rules
from hostler.iam.grammar import (
    OLD_VERSION,
    VERSION,
    Condition,
    Document,
    Effect,
    Kind,
    PrincipalPattern,
    Statement,
    malformed,
)

DOCUMENT_CHARACTERS_MAX = 131_072
"""IAM's limit of the wire shape; far below it are the limits of each kind of policy."""
PRINCIPAL_TYPES = ("AWS", "CanonicalUser", "Federated", "Service")

_TOP_ELEMENTS = {"Version", "Id", "Statement"}
_STATEMENT_ELEMENTS = {
    "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource",
    "Condition",
}  # fmt: skip
_EXCLUDE_EACH_OTHER = tuple((name, f"Not{name}") for name in ("Action", "Resource", "Principal"))
_SID = re.compile(r"[0-9A-Za-z]*")


def parse(text: str, kind: Kind = Kind.IDENTITY) -> Document:
    """Read a policy document.

    Args:
        text: The JSON text.
        kind: What it will be attached to.

    Raises:
        CallerError: MalformedPolicyDocument, with what is wrong and where.
    """
    top = _object(_json(text), "the document")
    _only(top, _TOP_ELEMENTS, "the document")
    version = top.get("Version", OLD_VERSION)
    if version not in (OLD_VERSION, VERSION):
        _syntax(f'Version must be "{VERSION}" or "{OLD_VERSION}"')
    identifier = top.get("Id", "")
    if not isinstance(identifier, str):
        _syntax("Id must be a string")
    if "Statement" not in top:
        _syntax("the document has no Statement")
    raw = top["Statement"]
    items = raw if isinstance(raw, list) else [raw]
    if not items:
        _syntax("Statement is empty")
    statements = tuple(_statement(item, index, kind) for index, item in enumerate(items))
    _sids_unique(statements)
    return Document(version, identifier, statements)


class _Object(dict[str, Any]):
    """A JSON object that remembers a key it was given twice (the last would silently win)."""

    duplicate: str | None = None


def _pairs(pairs: list[tuple[str, Any]]) -> _Object:
    result = _Object(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                result.duplicate = key
            seen.add(key)
    return result


def _json(text: str) -> Any:
    if len(text) > DOCUMENT_CHARACTERS_MAX:
        raise malformed(f"The policy is longer than {DOCUMENT_CHARACTERS_MAX} characters.")
    try:
        read = json.loads(text, object_pairs_hook=_pairs)
        if "\\" in text:
            json.dumps(read, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        place = "an escape is half of a character"
        raise malformed("The policy is not in the valid JSON format.", place) from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}: {error.msg}"
        raise malformed("The policy is not in the valid JSON format.", place) from error
    except RecursionError as error:
        raise malformed("Syntax errors in policy.", "the document is nested too deeply") from error
    return read


def _syntax(place: str) -> NoReturn:
    raise malformed("Syntax errors in policy.", place)


def _object(value: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(value, _Object):
        _syntax(f"{place} must be a JSON object")
    if value.duplicate is not None:
        _syntax(f"{place} has the key {value.duplicate} twice")
    return value


def _only(value: Mapping[str, Any], known: set[str], place: str) -> None:
    if value.keys() <= known:
        return
    key = next(key for key in value if key not in known)
    _syntax(f"{place} has an element that IAM does not know: {key[:64]}")


def _strings(value: Any, place: str) -> tuple[str, ...]:
    items = value if isinstance(value, list) else [value]
    for item in items:
        if not isinstance(item, str):
            _syntax(f"{place} must be a string or a list of strings")
    return tuple(items)


def _listed(item: Mapping[str, Any], name: str, place: str) -> tuple[str, ...]:
    if name not in item:
        return ()
    value = item[name]
    return (value,) if isinstance(value, str) else _strings(value, f"{place}.{name}")


def _statement(value: Any, index: int, kind: Kind) -> Statement:
    place = f"Statement[{index}]"
    item = _object(value, place)
    _only(item, _STATEMENT_ELEMENTS, place)
    sid = _sid(item, place, kind)
    statement = Statement(
        label=sid or place,
        sid=sid,
        effect=_effect(item, place),
        actions=_listed(item, "Action", place),
        not_actions=_listed(item, "NotAction", place),
        resources=_listed(item, "Resource", place),
        not_resources=_listed(item, "NotResource", place),
        principals=_principals(item, "Principal", place),
        not_principals=_principals(item, "NotPrincipal", place),
        conditions=_conditions(item.get("Condition"), place),
    )
    for name, other in _EXCLUDE_EACH_OTHER:
        if name in item and other in item:
            _syntax(f"{place} has both {name} and {other}")
    rules.check(statement, item, kind, place)
    return statement


def _sid(item: Mapping[str, Any], place: str, kind: Kind) -> str:
    sid = item.get("Sid", "")
    if not isinstance(sid, str):
        _syntax(f"{place}.Sid must be a string")
    if kind is not Kind.BUCKET and not _SID.fullmatch(sid):
        raise malformed(
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the "
            "regular expression [0-9A-Za-z]*",
            place,
        )
    return sid


def _sids_unique(statements: tuple[Statement, ...]) -> None:
    seen: set[str] = set()
    for index, statement in enumerate(statements):
        if statement.sid in seen:
            raise malformed(
                "Statement IDs (SID) in a single policy must be unique.",
                f"Statement[{index}].Sid is {statement.sid} again",
            )
        if statement.sid:
            seen.add(statement.sid)


def _effect(item: Mapping[str, Any], place: str) -> Effect:
    match item.get("Effect"):
        case "Allow":
            return Effect.ALLOW
        case "Deny":
            return Effect.DENY
        case None:
            _syntax(f"Missing required field Effect in {place}")
        case _:
            _syntax(f'{place}.Effect must be "Allow" or "Deny"')


def _principals(item: Mapping[str, Any], name: str, place: str) -> tuple[PrincipalPattern, ...]:
    if name not in item or (value := item[name]) == []:
        return ()
    if value == "*":
        return (PrincipalPattern("*", "*"),)
    place = f"{place}.{name}"
    found: list[PrincipalPattern] = []
    for kind, values in _object(value, place).items():
        if kind not in PRINCIPAL_TYPES:
            raise malformed("Invalid principal in policy.", f"{place} has the type {kind[:64]}")
        found += [PrincipalPattern(kind, each) for each in _strings(values, f"{place}.{kind}")]
    if not found:
        raise malformed("Invalid principal in policy.", f"{place} is empty")
    return tuple(found)


def _conditions(value: Any, place: str) -> tuple[Condition, ...]:
    if value is None:
        return ()
    place = f"{place}.Condition"
    found: list[Condition] = []
    for operator, keys in _object(value, place).items():
        if conditions.operator(operator) is None:
            _syntax(f"{place} has an operator that IAM does not know: {operator[:64]}")
        here = f"{place}.{operator}"
        of = [
            Condition(operator, key, _condition_values(values, here, key))
            for key, values in _object(keys, here).items()
        ]
        rules.check_conditions(operator, of, here)
        found += of
    return tuple(found)


def _condition_values(value: Any, place: str, key: str) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    result = []
    for item in value if isinstance(value, list) else [value]:
        match item:
            case bool():
                result.append("true" if item else "false")
            case str() | int() | float():
                result.append(str(item))
            case _:
                _syntax(f"{place}.{key} must be a string, a number, a boolean or a list of them")
    return tuple(result)
