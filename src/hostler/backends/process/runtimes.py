"""Which runtime serves an image: decided by its repository and tag, and by what the archive holds.

Invariant: a runtime is its lock. Its digest is the sha256 of the lock's text and of the
interpreter, so that equal digests mean equal code, and DeployedImages can name what really serves.
"""

import ast
import hashlib
import platform
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hostler.domain.config import Wheels
from hostler.modelserver.provenance import Written

_HERE = Path(__file__).parent
GENERIC = "generic"
TAG = "hostler-"
"""A tag that begins so names a runtime, whatever the repository: `…/sagemaker-xgboost:hostler-NAME`
keeps what the repository's container takes and answers."""

_IMAGE = re.compile(
    r"^(?:(?P<registry>[^/]+\.[^/]+|localhost(?::\d+)?)/)?(?P<repository>[^:@]+)"
    r"(?::(?P<tag>[^@]+))?(?:@(?P<digest>.+))?$"
)


@dataclass(frozen=True, slots=True)
class Image:
    """An image URI in its parts: the repository's last segment is what a runtime is chosen by."""

    uri: str
    repository: str
    tag: str

    @classmethod
    def parse(cls, uri: str) -> "Image":
        match = _IMAGE.match(uri)
        if match is None:
            return cls(uri, uri, "")
        return cls(uri, match["repository"].rpartition("/")[2], match["tag"] or "latest")


class UnknownImageError(Exception):
    """No runtime serves this image; the text says which images are known."""


@dataclass(frozen=True)
class Runtime:
    """A framework environment that Hostler can build: a lock, and what to import ahead."""

    name: str
    repositories: tuple[str, ...]
    suffixes: tuple[str, ...]
    modules: tuple[str, ...]
    imports: tuple[str, ...]
    lock: str
    version_of: str
    framework: str = ""
    """The runtime that this is an older version of."""
    python_max: tuple[int, ...] = ()
    """The newest Python it can be built for, as (3, 11); empty for any."""
    fresh: bool = False
    """Instances are not forked from a zygote: importing it starts threads, or runs foreign code."""
    python: str = ""
    """The Python to build it for, by version or path; "" for the one that we run on."""
    wheels: Wheels = Wheels.CPU
    locked: bool = True
    """``lock`` names every package; else it is what a user asked for, to be resolved."""
    root: Path | None = None
    """An existing environment that is used as it is."""

    @property
    def kind(self) -> str:
        """The framework's own name, whichever version of it this is."""
        return self.framework or self.name

    @property
    def buildable(self) -> bool:
        """Whether there are wheels for the Python it is built for."""
        python = python_of(self.python)
        return not self.python_max or not python or python <= self.python_max

    @cached_property
    def digest(self) -> str:
        """Hexadecimal sha256 of the lock and the interpreter it is built for."""
        interpreter = f"{platform.python_implementation()} {platform.python_version()}"
        text = f"{self.lock}\n{self.python or interpreter}\n{platform.machine()}\n"
        if self.wheels is not Wheels.CPU:
            text += f"{self.wheels}\n"
        if self.root is not None:
            text += "\n".join([str(self.root), *installed(self.root)])
        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def version(self) -> str:
        """The version of the framework, as locked or installed; "" where that is open."""
        if self.root is not None:
            return installed(self.root).get(normal(self.version_of), "")
        for line in self.lock.splitlines():
            match = re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?\s*==\s*([^\s;,]+)", line)
            if match and normal(match[1]) == normal(self.version_of):
                return match[2]
        return ""

    @property
    def order(self) -> tuple[int, ...]:
        """The version, to compare with others of the framework."""
        return parts(self.version)

    @property
    def title(self) -> str:
        """The framework and its version, as in "scikit-learn 1.8.0"."""
        return f"{self.version_of} {self.version}".strip()

    @property
    def serves(self) -> str:
        """What an instance of it is, for ``hostler status``: no framework where there is none."""
        return "Python script" if self.kind == GENERIC else self.title

    def description(self, image: Image) -> str:
        """What really serves, for the log's first line and ``hostler status``."""
        python = f"Python {platform.python_version()}"
        if self.root is not None:
            python = f"the environment {self.root}"
        elif self.python:
            python = f"Python {self.python}"
        served = f"{self.name} runtime ({self.title}, {python})"
        asked = asked_version(image.tag, self.version_of)
        if self.kind != GENERIC and self.version and asked and not self.version.startswith(asked):
            return f"{served}: the nearest to {image.repository}:{image.tag} that is available"
        return served


class Runtimes:
    """The runtimes of this installation, by name and by image repository."""

    def __init__(
        self, runtimes: Iterable[Runtime], pins: Mapping[str, Runtime] | None = None
    ) -> None:
        """``pins``: by framework, what serves its images whatever version they ask for."""
        self._pins = dict(pins or {})
        self._by_name = {runtime.name: runtime for runtime in runtimes}
        self._by_repository: dict[str, list[Runtime]] = {}
        for runtime in self._by_name.values():
            for repository in runtime.repositories if runtime.buildable else ():
                self._by_repository.setdefault(repository, []).append(runtime)

    @classmethod
    def shipped(cls) -> "Runtimes":
        """Those that come with the package."""
        tables = tomllib.loads((_HERE / "runtimes.toml").read_text())
        return cls(_runtime(name, table) for name, table in tables.items())

    def __iter__(self) -> Iterator[Runtime]:
        return iter(self._by_name.values())

    def named(self, name: str) -> Runtime:
        return self._by_name[name]

    def for_image(self, uri: str) -> Runtime:
        """The runtime that an image's repository and tag name; the archive may still refine it.

        Raises:
            UnknownImageError: no runtime has that repository.
        """
        image, versions = self._versions(uri)
        return _nearest(versions, asked_version(image.tag, versions[-1].version_of))

    def waits_for_archive(self, uri: str) -> bool:
        """Whether what the archive holds has a say in the choice.

        Raises:
            UnknownImageError: no runtime has that repository.
        """
        image, versions = self._versions(uri)
        if versions[-1].name == GENERIC:
            return not image.tag.startswith(TAG)
        return len(versions) > 1 and not asked_version(image.tag, versions[-1].version_of)

    def choose(
        self,
        uri: str,
        files: Sequence[str] = (),
        scripts: Mapping[str, str] | None = None,
        written: Sequence[Written] = (),
    ) -> Runtime:
        """The runtime for an image and the archive it is to serve.

        A tag that names no version leaves it to the archive: the version that wrote the model.

        Args:
            uri: The image.
            files: Relative paths of the archive's regular files.
            scripts: Source text of the Python files under ``code/``, by relative path.
            written: What the model's files say of their origin.

        Raises:
            UnknownImageError: no runtime has the image's repository.
        """
        image, versions = self._versions(uri)
        asked = asked_version(image.tag, versions[-1].version_of)
        if versions[-1].name == GENERIC:
            kind, asked = self._kind(files, scripts or {}, written), ""
            shipped = [each for each in self if each.locked and each.buildable]
            versions = self._pinned([each for each in shipped if each.kind == kind])
        if not asked:
            own = [each.version for each in written if each.framework == versions[-1].kind]
            asked = max(own, key=parts, default="")
        return _nearest(versions, asked)

    def _versions(self, uri: str) -> tuple[Image, list[Runtime]]:
        """An image in its parts, and the runtimes that serve its repository."""
        image = Image.parse(uri)
        named = self._by_name.get(image.tag.removeprefix(TAG))
        if named is not None and image.tag.startswith(TAG):
            return image, [named]
        versions = self._pinned(self._by_repository.get(image.repository, []))
        if not versions and (own := self._by_name.get(image.repository)) is not None:
            versions = [own]
        if not versions:
            known = ", ".join(sorted(self._by_repository))
            raise UnknownImageError(
                f'Hostler has no runtime for the repository of image "{uri}". Use one of these '
                f"repositories, with any account and tag: {known}."
            )
        return image, versions

    def _pinned(self, versions: list[Runtime]) -> list[Runtime]:
        """Only what a framework is pinned to, if it is."""
        pinned = self._pins.get(versions[-1].kind) if versions else None
        return versions if pinned is None else [pinned]

    def _kind(
        self, files: Sequence[str], scripts: Mapping[str, str], written: Sequence[Written]
    ) -> str:
        """The framework that has most of what the scripts import and the model's files need."""
        candidates = [
            each for each in self._by_name.values() if each.name != GENERIC and not each.framework
        ]
        imported: set[str] = set()
        for text in scripts.values():
            imported |= imported_modules(text)
        own = {each.name: each.modules[0] for each in candidates if each.modules}
        needed = imported | {own[each.framework] for each in written if each.framework in own}

        def fitness(candidate: Runtime) -> tuple[int, int]:
            modules = set(candidate.modules)
            return len(needed & modules), len(imported & modules)

        best = max(candidates, key=fitness, default=None)  # of equals the first in the file
        if best is not None and fitness(best) > (0, 0):
            return best.name
        model_files = [name for name in files if not name.startswith("code/")]
        for candidate in candidates:
            if any(name.endswith(candidate.suffixes) for name in model_files):
                return candidate.name
        return GENERIC


def _nearest(versions: Iterable[Runtime], asked: str) -> Runtime:
    """Of several versions the oldest that is not older than what was asked for.

    Libraries read what their predecessors wrote, if they do not lie too far apart.
    """
    oldest_first = sorted(versions, key=lambda each: parts(each.version))
    wanted = parts(asked)[:2]
    enough = (each for each in oldest_first if wanted and parts(each.version)[:2] >= wanted)
    return next(enough, oldest_first[-1])


def imported_modules(source: str) -> frozenset[str]:
    """Top-level modules that a script imports; empty when it is not Python."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return frozenset()
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return frozenset(names)


def asked_version(tag: str, version_of: str) -> str:
    """The version of a package that a tag names; "" where it names none.

    Hugging Face's tags begin with torch's version and name their own later:
    ``2.6.0-transformers4.49.0-cpu-py312``.
    """
    named = re.search(rf"(?:^|-){re.escape(version_of)}(\d+(?:\.\d+)*)", tag)
    match = named or re.match(r"(\d+(?:\.\d+)*)", tag)
    return match[1] if match else ""


def parts(version: str) -> tuple[int, ...]:
    """A version's numbers, to compare."""
    return tuple(int(part) for part in re.findall(r"\d+", version))


def python_of(requested: str) -> tuple[int, ...]:
    """The version of a Python asked for by version or path; () where it does not say."""
    if not requested:
        return sys.version_info[:2]
    match = re.search(r"(?:^|python)(\d+)\.(\d+)(?:\.\d+)?$", requested)
    return (int(match[1]), int(match[2])) if match else ()


def normal(name: str) -> str:
    """A distribution's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installed(root: Path) -> dict[str, str]:
    """What an environment holds: versions by distribution."""
    found = {}
    for path in sorted(root.glob("lib/python3*/site-packages/*.dist-info")):
        name, dash, version = path.name.removesuffix(".dist-info").rpartition("-")
        if dash:
            found[normal(name)] = version
    return found


def _runtime(name: str, table: Mapping[str, Any]) -> Runtime:
    return Runtime(
        name=name,
        repositories=tuple(table["repositories"]),
        suffixes=tuple(table["suffixes"]),
        modules=tuple(table["modules"]),
        imports=tuple(table["preload"]),
        lock=(_HERE / "locks" / f"{name}.txt").read_text(),
        version_of=table["version_of"],
        framework=table.get("framework", ""),
        python_max=parts(table.get("python_max", "")),
        fresh=table.get("fresh", False),
    )
