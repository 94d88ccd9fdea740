"""The settings an installation runs with. Standard library only: the supervisor reads them too.

Invariant: what a process runs with is what ``D/config.json`` says; `hostler.toml`, the environment
and flags are read (``app.config.reading``) only to write that file.
"""

import json
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hostler.app.config import sources, typed
from hostler.app.config.problems import Problem, SettingsError
from hostler.app.config.typed import Reading
from hostler.domain.config import Config
from hostler.domain.layout import ROOT_LENGTH_MAX, Layout

FORMAT = 2
"""1 had the server's settings alone, side by side, each as it was last given."""
EARLIER = "an earlier `hostler up`"
"""The origin of what is remembered."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How `hostler up` was asked to run; ``data_dir`` is absolute."""

    data_dir: Path
    config: Config = field(default_factory=Config)
    file: Path | None = None
    """The `hostler.toml` that was read."""
    flags: Mapping[str, Any] = field(default_factory=dict)
    """What this start's command line gave, by dotted name: a reload reads it again."""
    remembered: Mapping[str, Any] = field(default_factory=dict)
    """The server's settings that a command line gave, now or earlier, with region and account."""
    origins: Mapping[str, str] = field(default_factory=dict)
    """Where each setting that is no default comes from, by dotted name."""
    started_in: Path = Path("/")
    """What relative paths of the environment and of flags are meant from."""

    def __post_init__(self) -> None:
        size = len(os.fsencode(self.data_dir))
        if size > ROOT_LENGTH_MAX:
            raise SettingsError(
                f"--data-dir must be at most {ROOT_LENGTH_MAX} bytes long (Unix sockets lie below "
                f"it): {self.data_dir} has {size}"
            )

    @property
    def layout(self) -> Layout:
        return Layout(self.data_dir)

    @property
    def host(self) -> str:
        return self.config.server.host

    @property
    def port(self) -> int:
        return self.config.server.port

    @property
    def region(self) -> str:
        return self.config.server.region

    @property
    def account(self) -> str:
        return self.config.server.account

    @property
    def gateways(self) -> int:
        return self.config.server.gateways

    @property
    def has_tls(self) -> bool:
        return self.config.server.has_tls

    @property
    def warnings(self) -> tuple[str, ...]:
        """What runs, and is better said otherwise."""
        return (*self.config.server.warnings(), *self.config.s3.warnings())

    @property
    def endpoint_url(self) -> str:
        """Where this machine's clients reach it."""
        server = self.config.server
        host = "127.0.0.1" if self.host == "0.0.0.0" else self.host  # noqa: S104 (compared alone)
        if server.tls_certificate:
            host = server.hosts[0]
        return f"{'https' if server.has_tls else 'http'}://{host}:{self.port}"

    def to_json(self) -> str:
        fields = {
            "format": FORMAT,
            "data_dir": str(self.data_dir),
            "file": str(self.file) if self.file else None,
            "started_in": str(self.started_in),
            "flags": dict(self.flags),
            "remembered": dict(self.remembered),
            "origins": dict(self.origins),
            **typed.plain(self.config),
        }
        return json.dumps(fields, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str, data_dir: Path | None = None) -> "Settings":
        """Read ``to_json``'s text; a data directory that was moved is where it is now."""
        fields = json.loads(text)
        version = fields.pop("format", 1)
        if version > FORMAT:
            raise SettingsError(
                "the data directory was written by a newer Hostler: upgrade this one"
            )
        place = data_dir or Path(fields["data_dir"])
        if version < FORMAT:
            given = {name: value for name, value in fields.items() if name != "data_dir"}
            origins = {f"{sources.SERVER}.{name}": EARLIER for name in given}
            config = _config({sources.SERVER: given})
            return cls(place, config, remembered=given, origins=origins)
        return cls(
            data_dir=place,
            config=_config({name: fields.get(name, {}) for name in sources.sections()}),
            file=Path(fields["file"]) if fields.get("file") else None,
            flags=dict(fields.get("flags", {})),
            remembered=dict(fields.get("remembered", {})),
            origins=dict(fields.get("origins", {})),
            started_in=Path(fields.get("started_in", "/")),
        )

    @classmethod
    def load(cls, data_dir: Path) -> "Settings":
        """The settings a data directory was last started with."""
        root = data_dir.resolve()
        path = Layout(root).config
        try:
            return cls.from_json(path.read_text(), root)
        except (FileNotFoundError, NotADirectoryError):
            raise SettingsError(
                f"{data_dir} is no Hostler data directory yet: start it with "
                f"`hostler up --data-dir {shlex.quote(str(data_dir))}`"
            ) from None
        except PermissionError:
            raise SettingsError(
                f"not allowed to read {path}: run as the user it belongs to, or choose another "
                "--data-dir"
            ) from None
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise SettingsError(
                f"{path} is damaged ({error}): delete it and run `hostler up` with the --port, "
                "--region and --account it had"
            ) from None


def _config(given: Mapping[str, Any]) -> Config:
    """The config of its own ``plain`` form; ValueError when it is none."""
    problems: list[Problem] = []
    reading = Reading(sources.dotted, Path("/"), problems)
    made = {
        section: record(**typed.values(record, given.get(section, {}), (section,), reading))
        for section, record in sources.sections().items()
    }
    if problems:
        raise ValueError(str(problems[0]))
    return Config(**made)
