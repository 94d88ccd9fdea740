"""What `hostler up` is to run with: every source read, the strongest one of each setting taken.

From weak to strong: defaults, AWS_REGION, what an earlier start was given, `hostler.toml`, the
environment, flags. A table or a list is taken whole from the strongest source that has it.

Invariant: everything that any source says is judged, whether or not a stronger one hides it, and
nothing is written.
"""

import os
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, NamedTuple

from hostler.app.config import certificate, external, places, sources, typed
from hostler.app.config.problems import Problem, refuse
from hostler.app.config.sources import SERVER, Source
from hostler.app.config.typed import Place, Reading
from hostler.app.settings import EARLIER, Settings
from hostler.backends.process import configured
from hostler.domain.config import Config
from hostler.domain.layout import Layout

_SHELLS_REGION = ("AWS_REGION", "AWS_DEFAULT_REGION")


class Start(NamedTuple):
    """What a command line gave: --data-dir, --config, and settings by dotted name."""

    data_dir: Path | None = None
    file: Path | None = None
    flags: Mapping[str, Any] = {}


def read(start: Start, environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings of a start from the working folder.

    Raises:
        SettingsError: the first problem, with all of them.
    """
    folder = Path(os.curdir).absolute()
    named = places.named_file(start.file, environ, folder)
    root = places.data_dir(start.data_dir, named, environ, folder)
    flags = dict(start.flags)
    if start.data_dir is not None:
        flags[f"{SERVER}.data_dir"] = str(start.data_dir)
    before = Settings.load(root) if Layout(root).config.exists() else None
    file = named or _file_of(root, before)
    return _read(root, file, flags, environ=environ, folder=folder, before=before)


def anew(settings: Settings, environ: Mapping[str, str] = os.environ) -> Settings:
    """What a start with the same words as a running Hostler's would run with now."""
    return _read(
        settings.data_dir,
        file_again(settings),
        settings.flags,
        environ=environ,
        folder=settings.started_in,
        before=settings,
    )


def file_again(running: Settings) -> Path | None:
    """The file that a running Hostler reads again, wherever it is asked to."""
    return running.file or _file_of(running.data_dir, running)


def reloaded(running: Settings, new: Settings) -> Settings:
    """The new settings, but for those that only a start changes."""
    kept = {}
    for section, record in sources.sections().items():
        old = getattr(running.config, section)
        rules = typed.rules_of(record)
        stays = {name: getattr(old, name) for name, rule in rules.items() if rule.restart}
        kept[section] = replace(getattr(new.config, section), **stays)
    return replace(new, config=Config(**kept), remembered=running.remembered)


def differences(one: Config, other: Config) -> list[str]:
    """The dotted names of settings that differ."""
    return [
        f"{section}.{key}"
        for section, key in sources.places()
        if getattr(getattr(one, section), key) != getattr(getattr(other, section), key)
    ]


def _file_of(root: Path, before: Settings | None) -> Path | None:
    """The file a data directory has: the one it was last started with, or its own."""
    last = places.file_at(before.file) if before is not None and before.file is not None else None
    return last or places.file_at(root / places.NAME)


def _read(
    root: Path,
    file: Path | None,
    flags: Mapping[str, Any],
    *,
    environ: Mapping[str, str],
    folder: Path,
    before: Settings | None,
) -> Settings:
    earlier = {SERVER: dict(before.remembered)} if before else {}
    given = [
        (sources.from_values(earlier, EARLIER), folder),
        *([(sources.from_file(file), file.parent)] if file is not None else []),
        (sources.from_environment(environ), folder),
        (sources.from_flags(flags), folder),
    ]
    if not any("region" in _server(source) for source, _base in given):
        given.insert(0, (_shells(environ), folder))
    merged = _Merged()
    for source, base in given:
        merged.add(source, base)
    config = merged.config()
    merged.refuse_another_account(root, before, config.server.account)
    merged.refuse_another_place(root, file)
    if not merged.problems:
        merged.refuse_runtimes(config)
        merged.refuse_files(config)
    refuse(merged.problems)
    remembered = {
        **(before.remembered if before else {}),
        **{
            each.name: getattr(config.server, each.name)
            for each in fields(config.server)
            if f"{SERVER}.{each.name}" in flags and each.name != "data_dir"
        },
        # Where clients look and whose everything is: both stay, whoever chose them.
        "region": config.server.region,
        "account": config.server.account,
    }
    return Settings(
        data_dir=root,
        config=config,
        file=file,
        flags=flags,
        remembered=remembered,
        origins={
            f"{section}.{key}": source.origin(section, key)
            for (section, key), source in merged.won.items()
        },
        started_in=folder,
    )


def _server(source: Source) -> Mapping[str, Any]:
    section = source.given.get(SERVER)
    return section if isinstance(section, Mapping) else {}


def _shells(environ: Mapping[str, str]) -> Source:
    """The region of the user's shell, where nothing of ours says another."""
    for variable in _SHELLS_REGION:
        if region := environ.get(variable):
            return sources.from_values({SERVER: {"region": region}}, f"${variable}")
    return sources.from_values({}, "")


class _Merged:
    """The values so far, and whose they are."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.won: dict[tuple[str, str], Source] = {}
        self._values: dict[str, dict[str, Any]] = {name: {} for name in sources.sections()}

    def add(self, source: Source, base: Path) -> None:
        """Take what a stronger source gives."""
        self.problems += source.problems
        reading = Reading(source.named, base, self.problems)
        sections = sources.sections()
        for section, given in source.given.items():
            if section not in sections:
                reading.refuse((section,), f"is no section: {_meant(section)}")
                continue
            found = typed.values(sections[section], given, (section,), reading)
            self._values[section] |= found
            self.won |= {(section, key): source for key in found}

    def config(self) -> Config:
        """All sections, each judged as a whole."""
        reading = Reading(self._named, Path("/"), self.problems)
        made = {}
        for section, record in sources.sections().items():
            made[section] = record(**self._values[section])
            typed.refuse_faults(made[section], (section,), reading)
        return Config(**made)

    def refuse_another_account(self, root: Path, before: Settings | None, account: str) -> None:
        """An account is chosen once: everything in the data directory belongs to it."""
        if before is not None and account != before.account:
            self.problems.append(
                Problem(
                    self._named((SERVER, "account")),
                    f"cannot be {account}: {root} belongs to account {before.account}, and "
                    f"everything in it. Leave it out, or choose another --data-dir for {account}",
                )
            )

    def refuse_another_place(self, root: Path, file: Path | None) -> None:
        """A file that was found by its data directory can name no other one."""
        said = self._values[SERVER].get("data_dir")
        found_by_it = file is not None and file == root / places.NAME
        if said and found_by_it and Path(said).resolve() != root:
            self.problems.append(
                Problem(
                    self._named((SERVER, "data_dir")),
                    f"names another place than {root}, where the file lies: leave it out, or "
                    "move the file and name it with --config",
                )
            )

    def refuse_runtimes(self, config: Config) -> None:
        """Runtimes that nothing could be built from."""
        for key, text in configured.faults(config.runtimes):
            self.problems.append(Problem(self._named(("runtimes", key)), f"cannot be: {text}"))

    def refuse_files(self, config: Config) -> None:
        """Files of an external S3, or a certificate, that are not there or no good."""
        of_s3 = external.faults(config.s3) if config.s3.endpoint else ()
        of_server = certificate.faults(config.server) if config.server.tls_certificate else ()
        for section, faults in (("s3", of_s3), (SERVER, of_server)):
            for key, text in faults:
                self.problems.append(
                    Problem(self._named((section, key)), f"cannot be used: {text}")
                )

    def _named(self, place: Place) -> str:
        source = self.won.get((str(place[0]), str(place[1])))
        return source.named(place) if source is not None else sources.dotted(place)


def _meant(section: str) -> str:
    if section in typed.rules_of(sources.sections()[SERVER]):
        return f"write it below [{SERVER}]"
    return typed.near(section, sources.sections())
