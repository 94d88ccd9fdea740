"""What `hostler up` becomes.

`python -m hostler.app.supervisor --data-dir D --settings FD [--json] [--tell FD]`
"""

import argparse
import os
import sys

from hostler.app import program
from hostler.app.settings import Settings
from hostler.app.supervisor import place
from hostler.app.supervisor.console import Console
from hostler.app.supervisor.main import Supervisor
from hostler.app.supervisor.place import DataDirError
from hostler.app.supervisor.sockets import PortTakenError


def main(words: list[str]) -> int:
    """0 after a clean stop, 1 with one line of cause and remedy otherwise."""
    parser = argparse.ArgumentParser(prog="python -m hostler.app.supervisor")
    parser.add_argument("--data-dir", required=True, help="for whoever lists processes")
    parser.add_argument("--settings", type=int, required=True, help="their document's descriptor")
    parser.add_argument("--json", action="store_true", help="write events for machines")
    parser.add_argument("--tell", type=int, help="a descriptor to write the first event to")
    options = parser.parse_args(words)
    with open(options.settings, encoding="utf-8") as document:
        settings = Settings.from_json(document.read())
    tell: int | None = options.tell
    if tell is not None:
        os.set_inheritable(tell, False)
    console = Console(settings, program.words(), as_json=options.json, tell=tell)
    try:
        lock = place.hold(settings.data_dir)
        os.chdir("/")  # whatever folder it was started in may go away
        Supervisor(settings, console, lock).run()
    except (DataDirError, PortTakenError) as error:
        console.failed(str(error))
        return 1
    except OSError as error:
        console.failed(place.explain(error, settings.data_dir))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
