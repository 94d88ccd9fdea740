"""Writes what the documents take from code (`make docs`); a test holds them to it.

Invariant: pure functions of the code: running it twice changes nothing.
"""

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, get_origin

import typer

from hostler.api import catalog
from hostler.api.autoscaling.members import BY_OPERATION as AUTOSCALING
from hostler.api.cloudwatch.members import BY_OPERATION as CLOUDWATCH
from hostler.api.members import Acts, Echoed, Only, Refused
from hostler.api.s3 import forms
from hostler.api.s3.table import OPERATIONS
from hostler.api.sagemaker.members import BY_OPERATION
from hostler.app.config import sources, typed
from hostler.aws import specs
from hostler.cli.commands import command_line
from hostler.domain import lifecycle
from hostler.domain.config import AddedRuntime
from hostler.domain.setting import Setting
from tools import permissions

ROOT = Path(__file__).parent.parent
ORDER = (
    *("sagemaker", "sagemaker-runtime", "application-autoscaling", "s3", "logs", "cloudwatch"),
    *("sns", "sts", "iam"),
)
BEGIN, END = "<!-- generated: operations -->", "<!-- end -->"
NOTE = "<!-- Written by `make docs` from the code. -->\n\n"


def documents() -> dict[Path, str]:
    """Every generated document's whole text, by path."""
    readme = ROOT / "README.md"
    head, _begin, rest = readme.read_text().partition(BEGIN)
    _old, _end, tail = rest.partition(END)
    reference = ROOT / "docs/reference"
    return {
        readme: f"{head}{BEGIN}\n{operations()}{END}{tail}",
        reference / "commands.md": commands(),
        reference / "config.md": settings(),
        reference / "lifecycle.md": lifecycles(),
        reference / "members.md": members(),
        reference / "permissions.md": permissions.page(NOTE),
        reference / "s3.md": objects(),
    }


def operations() -> str:
    """The README's table: every operation that is implemented."""
    names = catalog.implemented()
    order = [*ORDER, *sorted(names.keys() - set(ORDER))]
    rows = ["| service | operations |", "|---|---|"]
    rows += [f"| {service} | {', '.join(names[service])} |" for service in order]
    return "\n".join(rows) + "\n"


def commands() -> str:
    """The command line's reference."""
    parts = ["# Commands\n\n", NOTE]
    parts.append("Exit codes: 0 done, 1 could not (one line says why), 2 asked wrongly.\n")
    group: Any = typer.main.get_command(command_line(()))
    for name, command in _leaves(group, ""):
        parts.append(f"\n## hostler {name}\n\n{_plain(command.help)}\n\n| option | |\n|---|---|\n")
        parts += [_option(parameter) for parameter in command.params if parameter.name != "help"]
    return "".join(parts)


def _leaves(group: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Every command, with the words that call it."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            if command.invoke_without_command:
                yield f"{prefix}{name}", command
            yield from _leaves(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


def _plain(markup: str) -> str:
    return re.sub(r"\[/?[a-z]*\]", "", markup)


def _option(parameter: Any) -> str:
    names = (
        ", ".join(parameter.opts) if parameter.param_type_name == "option" else parameter.metavar
    )
    value = ""
    if parameter.param_type_name == "option" and not parameter.is_flag and parameter.metavar:
        value = f" {parameter.metavar}"
    default = parameter.default
    said = (
        f" (default {default})"
        if isinstance(default, str | int) and default and not parameter.is_flag
        else ""
    )
    help_text = (parameter.help or "").replace("|", r"\|")
    return f"| `{(names + value).replace('|', chr(92) + '|')}` | {help_text}{said} |\n"


def settings() -> str:
    """Every setting of `hostler.toml`, with its variable."""
    parts = ["# Settings\n\n", NOTE]
    parts.append(
        "How they are written, found and read again: [configure](../how-to/configure.md).\n"
        "All take effect with `hostler config reload` or SIGHUP, but for those marked ↻, which\n"
        "wait for the next `hostler up`.\n"
    )
    for section, record in sources.sections().items():
        parts.append(f"\n## [{section}]\n\n{inspect.getdoc(record)}\n\n")
        parts.append("| key | type | default | variable | |\n|---|---|---|---|---|\n")
        default = record()
        for name, rule in typed.rules_of(record).items():
            value = typed.plain(getattr(default, name))
            cells = (
                f"`{name}`{' ↻' if rule.restart else ''}",
                _type(typed.types_of(record)[name]),
                "" if value in ("", [], {}) else f"`{value_text(value)}`",
                f"`{sources.variable_of(section, name)}`",
                _meaning(rule),
            )
            parts.append(f"| {' | '.join(cells)} |\n")
    parts.append("\n## [runtimes.add.NAME]\n\n")
    parts.append(f"{inspect.getdoc(AddedRuntime)}\n\n| key | type | |\n|---|---|---|\n")
    for name, rule in typed.rules_of(AddedRuntime).items():
        hint = typed.types_of(AddedRuntime)[name]
        parts.append(f"| `{name}` | {_type(hint)} | {_meaning(rule)} |\n")
    return "".join(parts)


def value_text(value: Any) -> str:
    return typed.UNLIMITED if value is None else typed.written(value)


def _meaning(rule: Setting) -> str:
    bounds = ""
    if rule.high is not None:
        bounds = f" ({rule.low} to {rule.high})"
    return f"{rule.means}{bounds}".replace("|", chr(92) + "|")


def _type(hint: Any) -> str:
    """A field's type in TOML's words."""
    origin = get_origin(hint)
    if origin is tuple:
        return "list"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return "table"
    if origin is not None:
        return "number"
    if issubclass(hint, StrEnum):
        return " or ".join(f"`{each.value}`" for each in hint)
    return {str: "text", bool: "true or false", int: "number"}[hint]


def lifecycles() -> str:
    """The state machines, as pictures."""
    parts = [
        "# Lifecycle\n\n",
        NOTE,
        "From `domain/lifecycle.py`; no status is ever written otherwise.\n",
    ]
    tables: Sequence[tuple[str, Mapping[Any, frozenset[Any]]]] = (
        ("EndpointStatus", lifecycle.ENDPOINT),
        ("The stages of a change", lifecycle.ROLLOUT),
    )
    for title, table in tables:
        parts.append(f"\n## {title}\n\n```mermaid\nstateDiagram-v2\n")
        for before, afters in table.items():
            ends = sorted(after or "[*]" for after in afters) or ["[*]"]
            parts += [f"    {before or '[*]'} --> {after}\n" for after in ends]
        parts.append("```\n")
    return "".join(parts)


def members() -> str:
    """What becomes of each input member: of sagemaker, cloudwatch, application-autoscaling."""
    parts = ["# Input members\n\n", NOTE]
    parts.append("A field acts, or is echoed for the reason given, or is refused by name.\n")
    tables = [*BY_OPERATION.items(), *CLOUDWATCH.items(), *AUTOSCALING.items()]
    for operation, table in tables:
        parts.append(f"\n## {operation}\n\n| member | |\n|---|---|\n")
        parts += [f"| `{path}` | {_fate(table[path])} |\n" for path in sorted(table)]
    return "".join(parts)


def objects() -> str:
    """S3's members, by what becomes of them: most act in every operation that has them."""
    limited: dict[str, set[str]] = {}
    for name, operation in OPERATIONS.items():
        model = specs.service("s3").operation(name)
        given = model.input.members if model is not None and model.input is not None else {}
        for path, fate in operation.members.items():
            if path.partition(".")[0] in given and not isinstance(fate, Acts):
                limited.setdefault(f"| `{path}` | {_fate(fate)} |", set()).add(name)
    parts = ["# S3\n\n", NOTE]
    parts.append(
        "The operations are in the README. In all of them every input member acts, but for these;\n"
        "what is refused is answered with NotImplemented and the member's name.\n\n"
        "| member | | of |\n|---|---|---|\n"
    )
    for row, names in sorted(limited.items()):
        some = sorted(names)
        more = f" and {len(some) - 3} more" if len(some) > 4 else ""
        parts.append(f"{row} {', '.join(some[: 3 if more else 4])}{more} |\n")
    parts.append(_forms())
    return "".join(parts)


def _forms() -> str:
    """What a browser's form may say."""
    acting = ", ".join(f"`{name}`" for name in forms.FIELDS)
    size = f"{forms.FIELDS_BYTES_MAX:,}"
    return f"""
## Uploads from browser forms

A form (`generate_presigned_post`) that is POSTed to a bucket is a PutObject by whoever signed its
policy: their permissions, their account. Signatures of version 4 and 2 are accepted, those of
temporary credentials with their session token. It acts by `key`, `file`, `policy` and the
signature's fields, by {acting}
and by those that begin with `x-amz-`, which are read as the headers of a PutObject, with what the
table says of its members. `${{filename}}` is replaced in all of them, before the policy is judged.

Refused by name are fields that begin with `x-amz-` and that PutObject does not know. Other fields
do nothing; all but `x-ignore-…` must be covered by the policy. What follows the file is not looked
at. Fields take {size} bytes together, the file 5 GiB; the form needs a Content-Length. With an
external S3 forms are refused.
"""


def _fate(fate: Any) -> str:
    match fate:
        case Acts():
            return "acts"
        case Echoed(why):
            return f"echoed: {why}"
        case Only(values, why):
            return f"only {', '.join(sorted(map(str, values)))}: {why}"
        case Refused(why):
            return f"refused: {why}"
    raise TypeError(fate)


def main() -> None:
    for path, text in documents().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    main()
