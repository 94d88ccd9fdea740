"""`[gateway]` reaches the processes that it is about."""

import socket

from running import hostler


def test_limits_of_the_settings_are_those_of_the_gateways() -> None:
    with (
        hostler("--set", "gateway.headers=16", bootstrap=False) as server,
        socket.create_connection(("127.0.0.1", server.port)) as connection,
    ):
        connection.settimeout(20)
        for fields, status in ((15, b"421"), (16, b"431")):
            lines = b"".join(b"A%d: b\r\n" % number for number in range(fields))
            head = b"GET /_hostler/health HTTP/1.1\r\nHost: no.example\r\n%b\r\n" % lines
            connection.sendall(head)
            assert connection.recv(4096).split(b" ")[1] == status
