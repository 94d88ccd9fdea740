"""``python -m hostler.gateway --data-dir D --slot I --fd N --settings JSON --listening JSON``."""

import argparse
import json
import logging
import signal
from pathlib import Path

from hostler.domain.gateway_settings import Gateway
from hostler.domain.layout import Layout
from hostler.gateway import limits
from hostler.gateway.main import run
from hostler.gateway.tls import Listening


def main() -> None:
    """Read the arguments and serve."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # meant for who serves already
    parser = argparse.ArgumentParser(prog="python -m hostler.gateway")
    parser.add_argument("--fd", type=int, required=True, help="an inherited listening socket")
    parser.add_argument("--slot", type=int, default=0)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--log-level", default="info", help="the least that is logged")
    parser.add_argument("--settings", type=json.loads, default={}, help="[gateway], as JSON")
    parser.add_argument("--listening", type=json.loads, default={}, help="Listening, as JSON")
    options = parser.parse_args()
    logging.basicConfig(
        level=options.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    asked = limits.of(Gateway(**options.settings))
    listening = Listening(**options.listening)
    run(options.fd, options.slot, Layout(options.data_dir.resolve()), asked, listening)


if __name__ == "__main__":
    main()
