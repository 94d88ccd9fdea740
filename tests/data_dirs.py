"""Data directories of earlier versions as text: kept in ``tests/fixtures``, thawed for tests.

``python tests/data_dirs.py D tests/fixtures/version-N`` freezes a stopped Hostler's directory: with
the last release before a change of the tables. Metrics came after version 1 of a data directory:
the first version of their database, empty, lies with it.
"""

import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

FIXTURES = Path(__file__).parent / "fixtures"
DATABASES = ("hostler.db", "s3/index.db", "telemetry/logs.db", "telemetry/metrics.db")
FILES = ("hostler.lock", "config.json", "root.json", "keys.json")


def freeze(data_dir: Path, folder: Path) -> None:
    """Databases as SQL, and the files without which they say nothing."""
    for name in DATABASES:
        text = (folder / name).with_suffix(".sql")
        text.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(data_dir / name)) as database:
            text.write_text("\n".join(database.iterdump()) + "\n")
    for name in FILES:
        shutil.copy(data_dir / name, folder / name)
    blobs = [path for path in (data_dir / "s3/blobs").rglob("*") if path.is_file()]
    for path in blobs:
        kept = folder / path.relative_to(data_dir)
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, kept)


def thaw(folder: Path, data_dir: Path) -> None:
    """The directory as the version that wrote it left it."""
    shutil.copytree(folder, data_dir, dirs_exist_ok=True)
    for name in DATABASES:
        text = (data_dir / name).with_suffix(".sql")
        with closing(sqlite3.connect(data_dir / name)) as database:
            database.executescript(text.read_text())
        text.unlink()


if __name__ == "__main__":
    freeze(Path(sys.argv[1]), Path(sys.argv[2]))
