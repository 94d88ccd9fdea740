"""A snapshot as bytes: msgpack of ``domain.snapshot``, by field name.

Invariant: a reader ignores fields it does not know and refuses a ``format`` above its own, so a
newer control plane may add, and only ``FORMAT`` breaks.
"""

import msgspec

from hostler.domain.snapshot import FORMAT, Snapshot


class SnapshotError(Exception):
    """These bytes are no snapshot this version can use; the last good one stays in force."""


class _Format(msgspec.Struct):
    format: int


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Snapshot)
_format_decoder = msgspec.msgpack.Decoder(_Format)


def encode(snapshot: Snapshot) -> bytes:
    """The bytes of a snapshot."""
    return _encoder.encode(snapshot)


def decode(data: bytes) -> Snapshot:
    """The snapshot in ``data``; raises SnapshotError when torn, foreign or too new."""
    try:
        found = _format_decoder.decode(data).format
        if found > FORMAT:
            raise SnapshotError(f"snapshot format {found}, this version reads up to {FORMAT}")
        return _decoder.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise SnapshotError(f"not a snapshot: {error}") from error
