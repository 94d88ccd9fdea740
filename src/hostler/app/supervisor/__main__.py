"""What `hostler up` becomes: `python -m hostler.app.supervisor SETTINGS [--json] [--tell FD]`."""

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
    settings = Settings.from_json(words[0])
    tell = int(words[words.index("--tell") + 1]) if "--tell" in words else None
    if tell is not None:
        os.set_inheritable(tell, False)
    console = Console(settings, program.words(), as_json="--json" in words[1:], tell=tell)
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
