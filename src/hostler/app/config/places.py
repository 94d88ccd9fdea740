"""Where `hostler.toml` and the data directory are looked for.

The file: --config, HOSTLER_CONFIG, ``hostler.toml`` in the working folder; else the one that the
data directory was last started with, else ``hostler.toml`` in the data directory. The data
directory: --data-dir, HOSTLER_DATA_DIR, that file's, ``~/.hostler``.

Invariant: a file that was asked for by name must be there; the others may be absent, but what has
their name and is no file is refused.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hostler.app.config import sources
from hostler.app.config.problems import SettingsError

NAME = "hostler.toml"
DATA_DIR_VARIABLE = "HOSTLER_DATA_DIR"


def named_file(given: Path | None, environ: Mapping[str, str], folder: Path) -> Path | None:
    """The file that is meant whatever the data directory is, absolute; None when there is none."""
    if chosen := given or environ.get(sources.CONFIG_VARIABLE):
        return _absolute(Path(chosen), folder, "--config")
    return file_at(folder / NAME)


def file_at(path: Path) -> Path | None:
    """The file where one is looked for; None when nothing has its name.

    Raises:
        SettingsError: a folder or a link to nothing has: somebody meant a file there.
    """
    if path.is_file():
        return path
    if path.is_symlink() and not path.exists():
        raise SettingsError(
            f"{path} is a link to {path.readlink()}, which is not there: write that, or remove the "
            "link"
        )
    if path.exists():
        what = "a folder" if path.is_dir() else "no regular file"
        raise SettingsError(f"{path} is {what}, and settings are read from a file: remove it")
    return None


def home_data_dir() -> Path:
    """``~/.hostler``."""
    try:
        return Path.home() / ".hostler"
    except RuntimeError:
        raise SettingsError(
            f"there is no home folder: choose a place with --data-dir or {DATA_DIR_VARIABLE}"
        ) from None


def data_dir(
    given: Path | None, file: Path | None, environ: Mapping[str, str], folder: Path
) -> Path:
    """The data directory, absolute; ``file`` is what ``named_file`` found."""
    if chosen := given or environ.get(DATA_DIR_VARIABLE):
        return _absolute(Path(chosen), folder, "--data-dir")
    if file is not None and (said := _said_by(sources.from_file(file).given)):
        return _absolute(Path(said), file.parent, "--data-dir")
    return home_data_dir().resolve()


def default_data_dir() -> Path:
    """The data directory that a command without --data-dir means here and now."""
    folder = Path(os.curdir).absolute()
    file = named_file(None, os.environ, folder)
    return data_dir(None, file, os.environ, folder)


def _said_by(given: Mapping[str, Any]) -> str:
    section = given.get(sources.SERVER)
    said = section.get("data_dir") if isinstance(section, Mapping) else None
    return said if isinstance(said, str) else ""  # anything else is refused when it is read


def _absolute(path: Path, folder: Path, option: str) -> Path:
    try:
        return (folder / path.expanduser()).resolve()
    except (RuntimeError, OSError, ValueError) as error:
        raise SettingsError(
            f"{path} cannot be found ({error}): choose another with {option}"
        ) from None
