"""``python -m hostler.gateway --data-dir D --slot I --fd N``."""

import argparse
import logging
from pathlib import Path

from hostler.domain.layout import Layout
from hostler.gateway.main import run


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(prog="python -m hostler.gateway")
    parser.add_argument("--fd", type=int, required=True, help="an inherited listening socket")
    parser.add_argument("--slot", type=int, default=0)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--log-level", default="info", help="the least that is logged")
    options = parser.parse_args()
    logging.basicConfig(
        level=options.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    run(options.fd, options.slot, Layout(options.data_dir.resolve()))


if __name__ == "__main__":
    main()
