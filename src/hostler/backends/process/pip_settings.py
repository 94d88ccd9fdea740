"""A user's pip settings, as settings for uv: indexes, find-links, certificates, proxies.

uv reads none of pip's configuration, yet on a company's machine that is where the mirror and the
certificate authority are named. Precedence is pip's: environment, then user, then site, then global
files (https://pip.pypa.io/en/stable/topics/configuration/). A UV_* variable that is set wins, and
what hostler.toml says wins over both.
"""

import configparser
import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from hostler.domain import config
from hostler.domain.config import Wheels

_KEYS = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
    "proxy": "ALL_PROXY",
    "trusted-host": "UV_INSECURE_HOST",
    "timeout": "UV_HTTP_TIMEOUT",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "no-index": "UV_NO_INDEX",
}
_STRATEGY, _BEST = "UV_INDEX_STRATEGY", "unsafe-best-match"
"""pip takes the best version over all indexes; uv's default is the first index that has any."""


def config_files(environ: Mapping[str, str], prefix: Path) -> Iterator[Path]:
    """Pip's configuration files, from the weakest to the strongest."""
    if environ.get("PIP_CONFIG_FILE") == os.devnull:
        return
    for base in environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":"):
        yield Path(base) / "pip" / "pip.conf"
    yield Path("/etc/pip.conf")
    if home := environ.get("HOME"):
        yield Path(home) / ".pip" / "pip.conf"
        yield Path(environ.get("XDG_CONFIG_HOME") or Path(home) / ".config") / "pip" / "pip.conf"
    yield prefix / "pip.conf"
    if chosen := environ.get("PIP_CONFIG_FILE"):
        yield Path(chosen)


def read(environ: Mapping[str, str], prefix: Path) -> dict[str, str]:
    """Pip's effective settings that matter to a build, by pip's option name."""
    settings: dict[str, str] = {}
    for path in config_files(environ, prefix):
        parser = configparser.RawConfigParser()
        try:
            parser.read(path)
        except (configparser.Error, UnicodeDecodeError):
            continue  # pip itself will complain of it; a build can do without
        for section in ("global", "install"):
            if parser.has_section(section):
                settings |= {key: value for key, value in parser.items(section) if key in _KEYS}
    for key in _KEYS:
        if value := environ.get("PIP_" + key.replace("-", "_").upper()):
            settings[key] = value
    return settings


def uv_environment(
    environ: Mapping[str, str] | None = None, prefix: Path | None = None
) -> dict[str, str]:
    """The variables to add for uv, so that it finds packages where pip would."""
    environ = os.environ if environ is None else environ
    added: dict[str, str] = {}
    for key, value in read(environ, Path(sys.prefix) if prefix is None else prefix).items():
        variable = _KEYS[key]
        words = [word for word in value.split() if _reachable(word)]
        if words and variable not in environ:
            separator = "," if variable == "UV_FIND_LINKS" else " "
            added[variable] = separator.join(words)
    if "UV_INDEX" in added and _STRATEGY not in environ:
        added[_STRATEGY] = _BEST
    return added


@dataclass(frozen=True, slots=True)
class Sources:
    """Where packages come from: pip's settings, and what `[runtimes]` says instead or besides."""

    index: str = ""
    extra_index: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: config.Runtimes) -> "Sources":
        return cls(settings.index, settings.extra_index, settings.find_links)

    def uv_environment(self, environ: Mapping[str, str] | None = None) -> dict[str, str]:
        """The variables to set for uv."""
        environ = os.environ if environ is None else environ
        added = uv_environment(environ)
        if self.index:
            added["UV_DEFAULT_INDEX"] = self.index
        for name, separator, own in (
            ("UV_INDEX", " ", self.extra_index),
            ("UV_FIND_LINKS", ",", self.find_links),
        ):
            if own:
                before = environ.get(name) or added.get(name, "")
                added[name] = separator.join([*own, *before.split(separator)]).strip(separator)
        if self.extra_index and _STRATEGY not in environ:
            added[_STRATEGY] = _BEST
        return added

    def folders(self) -> list[Path]:
        """Local folders of wheels among all find-links."""
        return find_links({}, {**os.environ, **self.uv_environment()})

    def torch_backend(self, wheels: Wheels) -> list[str]:
        """Uv's choice of PyTorch's builds, unless the find-links hold one for the CPU already."""
        if wheels is Wheels.CUDA:
            return ["--torch-backend", "auto"]
        local = any(next(folder.glob("torch-*.whl"), None) for folder in self.folders())
        return [] if local else ["--torch-backend", "cpu"]


PIPS = Sources()
"""As pip is set, and nothing else."""


def find_links(environ: Mapping[str, str], added: Mapping[str, str]) -> list[Path]:
    """Local folders of wheels among the find-links in force."""
    text = environ.get("UV_FIND_LINKS") or added.get("UV_FIND_LINKS", "")
    return [Path(word) for word in text.split(",") if word and Path(word).is_dir()]


def main() -> None:
    """Print them as a shell's exports, for the Makefile."""
    lines = (f"export {name}={shlex.quote(value)}" for name, value in uv_environment().items())
    sys.stdout.write("\n".join(lines) + "\n")


def _reachable(word: str) -> bool:
    """False for a ``file:`` URL of nothing, which pip passes over with a warning and uv refuses."""
    parts = urlsplit(word)
    return parts.scheme != "file" or Path(parts.path).exists()


if __name__ == "__main__":
    main()
