"""The user's AWS configuration files: a named profile in them, and a copy for the CLI's version 2.

Invariant: only sections of that name that Hostler wrote are replaced; everything else in a file,
comments and order included, stays as it is.
"""

import hashlib
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from hostler.modelserver import whole

MARK = "# written by `hostler env --profile`; it replaces this section"
COPY = "# `hostler env` wrote this from "
_HEAD = re.compile(r"^[ \t]*\[[ \t]*(?P<name>[^\]\n]+?)[ \t]*\]", re.MULTILINE)
_BODIES = "cli_binary_format = raw-in-base64-out"
"""With this, version 2 of the CLI takes --body as version 1 does; there is no variable for it."""
_TAKES_BODIES = re.compile(r"^cli_binary_format[ \t]*=", re.MULTILINE)


class ProfileError(Exception):
    """A profile cannot be written; the text says why and what to do."""


def files(environ: Mapping[str, str], home: Path) -> tuple[Path, Path]:
    """The user's own config and credentials files, as the AWS tools find them.

    Where the environment names a copy that ``copied`` made, the config is what it is a copy of.
    """
    config = Path(environ.get("AWS_CONFIG_FILE") or home / ".aws/config").expanduser()
    credentials = environ.get("AWS_SHARED_CREDENTIALS_FILE") or home / ".aws/credentials"
    return _source(config), Path(credentials).expanduser()


def _source(config: Path) -> Path:
    """What a copy of ours was made from; any other file itself."""
    if not config.is_file():
        return config
    with config.open(errors="surrogateescape") as file:
        first = file.readline().rstrip("\n")
    return Path(first.removeprefix(COPY)) if first.startswith(COPY) else config


def put(*sections: tuple[Path, str, Mapping[str, str]]) -> None:
    """Write sections into files, which need not exist: all, or none where one is refused.

    Raises:
        ProfileError: there is such a section already, and not by us; or a file is not text.
        OSError: a file cannot be written.
    """
    texts = [(path, _put(path, section, values)) for path, section, values in sections]
    for path, text in texts:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        target = path.resolve()
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else whole.PRIVATE
        whole.write(target, text.encode(), mode)
        target.chmod(mode)  # whatever the umask is


def _put(path: Path, section: str, values: Mapping[str, str]) -> str:
    """A file's text with a section in it."""
    try:
        text = path.read_text() if path.exists() else ""
    except UnicodeDecodeError as error:
        raise ProfileError(f"{path} is not a text file: {error}") from error
    try:
        return merged(text, section, values)
    except ProfileError as error:
        raise ProfileError(f"{path} {error}") from None


def merged(text: str, section: str, values: Mapping[str, str]) -> str:
    """A file's text with the section in its place, or at the end."""
    new = "\n".join(
        (f"[{section}]", MARK, *(f"{name} = {value}" for name, value in values.items()))
    )
    heads = list(_HEAD.finditer(text))
    for number, head in enumerate(heads):
        if head["name"] != section:
            continue
        end = heads[number + 1].start() if number + 1 < len(heads) else len(text)
        old = text[head.start() : end]
        if MARK not in old:
            raise ProfileError(
                f"has a profile [{section}] of your own: choose another name, or remove it"
            )
        rest = (_after_keys(old) + text[end:]).lstrip("\n")
        return text[: head.start()] + new + "\n" + (f"\n{rest}" if rest else "")
    before = text.rstrip("\n")
    return f"{before}\n\n{new}\n" if before else f"{new}\n"


def _after_keys(section: str) -> str:
    """The blank and comment lines at a section's end: they speak of what comes next."""
    lines = section.splitlines(keepends=True)
    said = [line.strip() for line in lines]
    last = max(at for at, text in enumerate(said) if text == MARK or (text and text[0] not in "#;"))
    return "".join(lines[last + 1 :])


def copied(source: Path, folder: Path, active: str | None) -> Path | None:
    """Where to keep the user's configuration with what version 2 of the CLI lacks in it, written.

    Args:
        source: The user's file, or a copy of an earlier call, which names its source.
        folder: Holds the copies, one for each source.
        active: The profile in use, which may be written in the credentials file alone.

    Returns:
        None where the user's own file says all that is needed.
    """
    source = _source(source)
    text = source.read_text(errors="surrogateescape") if source.is_file() else ""
    whole_text = with_bodies(text, active)
    if whole_text == text:
        return None
    digest = hashlib.sha256(str(source).encode(errors="surrogateescape")).hexdigest()
    path = folder / f"config-{digest[:8]}"
    folder.mkdir(exist_ok=True)
    written = f"{COPY}{source}\n{whole_text}"
    whole.write(path, written.encode(errors="surrogateescape"))
    return path


def with_bodies(text: str, active: str | None = None) -> str:
    """A configuration whose profiles all say how ``--body`` is written; one that says so stays."""
    heads = list(_HEAD.finditer(text))
    parts = [text[: heads[0].start()] if heads else text]
    for number, head in enumerate(heads):
        end = heads[number + 1].start() if number + 1 < len(heads) else len(text)
        body = text[head.end() : end]
        profile = head["name"] == "default" or head["name"].split()[0] == "profile"
        line, _newline, rest = body.partition("\n")
        if profile and not _TAKES_BODIES.search(body):
            body = f"{line}\n{_BODIES}\n{rest}"
        parts.append(head[0] + body)
    names = {head["name"] for head in heads}
    wanted = ["default", *([f"profile {active}"] if active and active != "default" else [])]
    missing = [f"\n[{name}]\n{_BODIES}\n" for name in wanted if name not in names]
    if missing and text and not text.endswith("\n"):
        parts.append("\n")
    return "".join([*parts, *missing])
