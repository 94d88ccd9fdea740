"""Latencies in logarithmic buckets, four to a doubling, as gateways record and control reads them.

Invariant: bucket ``b`` holds the microseconds whose ``bucket_of`` is ``b``, and ``bucket_floor(b)``
is the least of them; numbers keep their meaning, as they lie in spools.
"""

BUCKETS = 160


def bucket_of(microseconds: int) -> int:
    """The bucket of a latency; 0 … 3 µs have their own."""
    if microseconds < 4:
        return max(0, microseconds)
    length = microseconds.bit_length()
    return min(BUCKETS - 1, ((length - 2) << 2) + ((microseconds >> (length - 3)) & 3))


def bucket_floor(bucket: int) -> int:
    """The least latency of a bucket, in µs."""
    if bucket < 4:
        return bucket
    return (4 + (bucket & 3)) << ((bucket >> 2) - 1)


def bucket_middle(bucket: int) -> float:
    """What a bucket's latencies are taken for, in µs: none is further away than 1/8 of itself."""
    return (bucket_floor(bucket) + bucket_floor(bucket + 1) - 1) / 2
