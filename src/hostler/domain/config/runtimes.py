"""``[runtimes]``: what serves models, and where its packages come from.

Invariant: pure data with defaults, as all of ``domain.config``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from hostler.domain.setting import Fault, setting

_NAME = r"[a-z0-9][a-z0-9.-]{0,63}"
_URL = r"https?://[^\s/?#]+[^\s?#]*"


class Wheels(StrEnum):
    """Which builds of PyTorch and the like are installed."""

    CPU = "cpu"
    CUDA = "cuda"


@dataclass(frozen=True, slots=True)
class AddedRuntime:
    """A runtime of the user's own: requirements to build it from, or an environment as it is."""

    repositories: tuple[str, ...] = setting(
        (), "image repositories that it serves, before shipped runtimes; without any, its own name"
    )
    requirements: tuple[str, ...] = setting(
        (), 'what to install, as in requirements.txt: ["scikit-learn==1.2.2"]'
    )
    requirements_file: str = setting("", "the same from a file", path=True)
    environment: str = setting(
        "", "the folder of an existing environment, which is used and never changed", path=True
    )
    python: str = setting("", "the Python to build it for: a version or a path")
    framework: str = setting(
        "", "the shipped runtime whose way of loading and answering it shares", pattern=_NAME,
        wants="a runtime's name like scikit-learn",
    )  # fmt: skip
    preload: tuple[str, ...] = setting((), "modules to import ahead of instances")

    def faults(self) -> Iterator[Fault]:
        """It comes from exactly one place."""
        sources = [self.requirements, self.requirements_file, self.environment]
        if sum(map(bool, sources)) != 1:
            yield Fault(
                "environment" if self.environment else "requirements",
                "a runtime has exactly one of requirements, requirements_file and environment",
            )


@dataclass(frozen=True, slots=True)
class Runtimes:
    """The frameworks' environments: which there are, and where their packages come from."""

    pin: Mapping[str, str] = setting(
        {},
        'versions that serve whatever an image asks for: { scikit-learn = "1.2" }',
        pattern=_NAME,
        wants="a runtime's name like scikit-learn",
    )
    add: Mapping[str, AddedRuntime] = setting(
        {}, "runtimes of your own, a table each", pattern=_NAME, wants="a name of a-z, 0-9, - and ."
    )
    python: str = setting("", "the Python to build runtimes for: a version or a path")
    index: str = setting(
        "", "the package index, instead of pip's", pattern=_URL, wants="an http(s) URL"
    )
    extra_index: tuple[str, ...] = setting(
        (), "further package indexes", pattern=_URL, wants="http(s) URLs"
    )
    find_links: tuple[str, ...] = setting((), "folders or pages of wheels", path=True)
    wheels: Wheels = setting(Wheels.CPU, "builds for the CPU, or for NVIDIA's GPUs")
