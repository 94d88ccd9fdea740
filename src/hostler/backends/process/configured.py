"""The runtimes of an installation: those that come with Hostler, as `[runtimes]` changes them.

Invariant: settings are judged when they are read (`faults`) and only then: what goes missing later
fails the build that needs it, never the process that knows it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from hostler.backends.process.runtimes import GENERIC, Runtime, Runtimes, parts
from hostler.domain import config
from hostler.domain.config import AddedRuntime, Wheels

_FOR_CUDA = {"xgboost-cpu": "xgboost", "onnxruntime": "onnxruntime-gpu"}
"""Packages whose builds for GPUs have a name of their own."""
_HASHES = r"(?: *\\\n *--hash=\S+)*"
"""A locked version's: those of the builds for the CPU are no other package's."""


def runtimes(settings: config.Runtimes) -> Runtimes:
    """The runtimes as they are set."""
    known = _known(settings)
    added = [each for each in known.values() if each.name in settings.add]
    own = {repository for each in added for repository in each.repositories}
    shipped = [
        replace(each, repositories=tuple(name for name in each.repositories if name not in own))
        for each in known.values()
        if each.name not in settings.add
    ]
    pins = {}
    for kind, version in settings.pin.items():
        pinned = _pinned(known, kind, version)
        if pinned is not None:
            pins[kind] = pinned
    return Runtimes([*shipped, *added], pins)


def faults(settings: config.Runtimes) -> Iterator[tuple[str, str]]:
    """(key, what is wrong) of settings that no runtime can be made from."""
    shipped = Runtimes.shipped()
    kinds = sorted({each.kind for each in shipped})
    for name, added in settings.add.items():
        if name in {each.name for each in shipped}:
            yield "add", f"{name} is a runtime that comes with Hostler: choose another name"
        if added.framework and added.framework not in kinds:
            yield "add", f"{name} has no known framework: it is one of {', '.join(kinds)}"
        for path in (each for each in added.repositories if "/" in each):
            text = f"{name}: an image is known by the last part of its repository's path"
            yield "add", f'{text}: write "{path.rpartition("/")[2]}" for "{path}"'
        if added.requirements_file and not Path(added.requirements_file).is_file():
            yield "add", f"{name} names {added.requirements_file}, which is no file"
        if added.environment and not _interpreter(added).exists():
            text = f"{name}: {added.environment} is no environment, it has no bin/python"
            yield "add", f"{text} (`python -m venv` or `uv venv` makes one)"
    known = _known(settings)
    for kind, version in settings.pin.items():
        own = [each for each in known.values() if each.kind == kind]
        if not own:
            yield "pin", f"{kind} is no framework: pin one of {', '.join(kinds)}"
        elif _pinned(known, kind, version) is None:
            have = ", ".join(f"{each.name} ({each.version})" for each in own)
            advice = f'add it: [runtimes.add.NAME] with framework = "{kind}"'
            yield "pin", f"there is no {kind} {version} among {have}: {advice}"


def _known(settings: config.Runtimes) -> dict[str, Runtime]:
    """Every runtime by name, added ones included."""
    shipped = {each.name: each for each in Runtimes.shipped()}
    known = {name: _built_as(each, settings) for name, each in shipped.items()}
    for name, added in settings.add.items():
        known.setdefault(name, _added(name, added, settings, shipped))
    return known


def _built_as(runtime: Runtime, settings: config.Runtimes) -> Runtime:
    """A shipped runtime for the Python and the builds that are set."""
    lock, version_of = runtime.lock, runtime.version_of
    if settings.wheels is Wheels.CUDA:
        for plain, cuda in _FOR_CUDA.items():
            other = re.compile(rf"^{plain}==([^\s\\]+){_HASHES}", re.MULTILINE)
            lock = other.sub(rf"{cuda}==\1", lock)
            version_of = cuda if version_of == plain else version_of
    return replace(
        runtime, lock=lock, version_of=version_of, python=settings.python, wheels=settings.wheels
    )


def _added(
    name: str, added: AddedRuntime, settings: config.Runtimes, shipped: Mapping[str, Runtime]
) -> Runtime:
    base = shipped.get(added.framework)
    requirements = "\n".join(added.requirements)
    if added.requirements_file:
        file = Path(added.requirements_file)
        requirements = file.read_text(errors="replace") if file.is_file() else f"-r {file}"
    root = Path(added.environment) if added.environment else None
    version_of = _version_of(requirements, root, base)
    shared = base.imports if base is not None else ()
    return Runtime(
        name=name,
        repositories=added.repositories,
        suffixes=(),
        modules=(),
        imports=added.preload or (() if root is not None else shared),
        lock=requirements,
        version_of=version_of,
        framework=base.name if base is not None else GENERIC,
        fresh=root is not None or (base is not None and base.fresh),
        python=added.python or settings.python,
        wheels=settings.wheels,
        locked=False,
        root=root,
    )


def _version_of(requirements: str, root: Path | None, base: Runtime | None) -> str:
    """The distribution whose version is the runtime's: the first of its framework's there is."""
    names = [] if base is None else [base.version_of, *_FOR_CUDA.values(), *_FOR_CUDA]
    for name in dict.fromkeys(names):
        probe = Runtime(name, (), (), (), (), requirements, name, root=root, locked=False)
        related = base is not None and name.partition("-")[0] == base.version_of.partition("-")[0]
        if probe.version and related:
            return name
    return base.version_of if base is not None else "python"


def _interpreter(added: AddedRuntime) -> Path:
    return Path(added.environment) / "bin" / "python"


def _pinned(known: Mapping[str, Runtime], kind: str, version: str) -> Runtime | None:
    """The newest runtime of a framework with that version, or of that name."""
    wanted = parts(version)
    fitting = [
        each
        for each in known.values()
        if each.kind == kind
        and each.buildable
        and (each.name == version or (wanted and parts(each.version)[: len(wanted)] == wanted))
    ]
    return max(fitting, key=lambda each: parts(each.version), default=None)
