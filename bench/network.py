"""A network of the run's own: loopback and nothing else.

Some peers listen on every address or on fixed ports. In a network namespace nobody reaches them,
and no other server on the machine is in their way.
"""

import ctypes
import fcntl
import socket
import struct

_CLONE_NEWNET = 0x40000000
_SIOCGIFFLAGS, _SIOCSIFFLAGS = 0x8913, 0x8914
_IFF_UP = 1


def leave() -> bool:
    """Whether this process, and what it starts, now has a network of its own (root can)."""
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET):
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        asked = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, asked))[1]
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))
    return True
