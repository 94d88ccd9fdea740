"""What to type for `hostler` here: for the "next" lines, which people copy.

Invariant: what is printed works when it is pasted into the shell that it was printed in.
"""

import contextlib
import os
import shlex
import shutil
import sys
from pathlib import Path

from hostler.app.config import places
from hostler.app.config.problems import SettingsError

NAME = "hostler"


def option(data_dir: Path) -> str:
    """The option that a further command needs to mean this data directory; empty for the default.

    With a space before it.
    """
    try:
        usual = places.default_data_dir()
    except (SettingsError, RuntimeError, OSError):
        usual = None
    return "" if data_dir == usual else f" --data-dir {shlex.quote(str(data_dir))}"


def words() -> str:
    """``hostler``, or the path to it, fit for a shell."""
    beside = Path(sys.executable).with_name(NAME)
    found = shutil.which(NAME)
    if not beside.exists() or (found is not None and Path(found).samefile(beside)):
        return NAME
    near = beside
    with contextlib.suppress(ValueError, OSError):
        here = Path.cwd()
        if here.parent != here:  # in /, where who was detached runs, nobody types anything
            near = beside.relative_to(here)
    return shlex.quote(os.fspath(near))
