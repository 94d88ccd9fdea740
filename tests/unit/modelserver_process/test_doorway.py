"""Listening Unix sockets at well-known paths."""

import socket
import stat
from contextlib import closing
from pathlib import Path

from hostler.modelserver import doorway


def test_a_door_takes_the_place_of_a_dead_one_s_and_lets_its_own_user_in_alone(
    tmp_path: Path,
) -> None:
    path = tmp_path / "control.sock"
    doorway.listen(str(path), 1).close()  # its file stays, as after a kill
    with (
        closing(doorway.listen(str(path), 1)) as door,
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller,
    ):
        caller.connect(str(path))
        door.accept()[0].close()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["control.sock"]
