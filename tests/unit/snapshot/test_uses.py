"""The files of last uses: read as they were written, and passed over when they are not."""

from pathlib import Path

from hostler.domain.uses import Use
from hostler.snapshot import uses

USES = {"AKIA1": Use(1.5, "s3", "us-east-1")}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "s3.uses"
    assert uses.read(path) == {}
    uses.write(path, USES)
    assert uses.read(path) == USES
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "s3.uses"
    for text in ("", "{", '{"format": 2, "keys": {}}', '{"format": 1, "keys": {"A": 1}}'):
        path.write_text(text)
        assert uses.read(path) == {}
    newer = (
        '{"format": 1, "more": 1, "keys": {"A": {"at": 1, "service": "s", "region": "r", "x": 1}}}'
    )
    path.write_text(newer)
    assert uses.read(path) == {"A": Use(1.0, "s", "r")}
