"""``python -m hostler.gateway --data-dir D --slot I --fd N --settings JSON --listening JSON``.

Each option has a value, ``--fd`` is an inherited listening socket; ``--slot``, ``--log-level``,
``--settings`` (``[gateway]``) and ``--listening`` may be left out.
"""

import json
import logging
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hostler.domain.gateway_settings import Gateway
from hostler.domain.layout import Layout
from hostler.gateway import limits
from hostler.gateway.main import run
from hostler.gateway.tls import Listening


def main() -> None:
    """Read the arguments and serve."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # meant for who serves already
    try:
        options = _options(sys.argv[1:])
    except (TypeError, ValueError) as error:
        sys.exit(f"these options are not understood: {error}; {__doc__}")
    logging.basicConfig(
        level=options.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    asked = limits.of(options.settings)
    run(options.fd, options.slot, Layout(options.data_dir.resolve()), asked, options.listening)


@dataclass(frozen=True)
class _Options:
    fd: int
    data_dir: Path
    slot: int = 0
    log_level: str = "info"
    settings: Gateway = field(default_factory=Gateway)
    listening: Listening = field(default_factory=Listening)


_READ: Mapping[str, Callable[[str], Any]] = {
    "fd": int,
    "data_dir": Path,
    "slot": int,
    "log_level": str,
    "settings": lambda text: Gateway(**json.loads(text)),
    "listening": lambda text: Listening(**json.loads(text)),
}


def _options(words: Sequence[str]) -> _Options:
    """By hand: argparse would lie in memory for as long as this serves."""
    given = {}
    for name, value in zip(words[::2], words[1::2], strict=True):
        option = name.removeprefix("--").replace("-", "_")
        if option not in _READ:
            raise ValueError(f"there is no {name}")
        given[option] = _READ[option](value)
    return _Options(**given)


if __name__ == "__main__":
    main()
