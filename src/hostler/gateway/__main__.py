"""``python -m hostler.gateway --data-dir D --slot I --fd N --settings JSON --listening JSON``.

Each option has a value, ``--fd`` is an inherited listening socket; ``--slot``, ``--log-level``,
``--settings`` (``[gateway]``) and ``--listening`` may be left out.
"""

import json
import logging
import signal
import sys
from pathlib import Path

from hostler.domain.gateway_settings import Gateway
from hostler.domain.layout import Layout
from hostler.gateway import limits
from hostler.gateway.main import run
from hostler.gateway.tls import Listening


def main() -> None:
    """Read the arguments and serve."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # meant for who serves already
    try:  # by hand: argparse would lie in memory for as long as this serves
        given = dict(zip(sys.argv[1::2], sys.argv[2::2], strict=True))
        fd, folder = int(given["--fd"]), Path(given["--data-dir"]).resolve()
        slot, level = int(given.get("--slot", "0")), given.get("--log-level", "info")
        asked = limits.of(Gateway(**json.loads(given.get("--settings", "{}"))))
        listening = Listening(**json.loads(given.get("--listening", "{}")))
    except (KeyError, TypeError, ValueError) as error:
        sys.exit(f"these options are not understood ({error!r}); {__doc__}")
    logging.basicConfig(
        level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    run(fd, slot, Layout(folder), asked, listening)


if __name__ == "__main__":
    main()
