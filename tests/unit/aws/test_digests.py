"""The faster SHA-256 of short texts is SHA-256."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from hostler.aws.digests import short_sha256


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=4))
def test_digests_and_copies_are_those_of_hashlib(pieces: list[bytes]):
    digest = short_sha256(pieces[0])
    for piece in pieces[1:]:
        copy = digest.copy()
        copy.update(piece)
        assert digest.digest() != copy.digest() or not piece
        digest = copy
    assert digest.hexdigest() == hashlib.sha256(b"".join(pieces)).hexdigest()
