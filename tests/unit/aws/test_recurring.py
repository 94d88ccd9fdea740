"""What recurs of a signature accepts only what the whole verification accepts."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostler.aws import sigv4
from hostler.aws.recurring import CHANGING, Recurring
from hostler.domain.errors import CallerError

NOW = 1_780_000_000.0
SECRET = "wJalrXUtnFEMI"


def presented(body: bytes, at: float = NOW, *extra: tuple[str, str], secret: str = SECRET):
    headers = sigv4.sign(
        "POST",
        "/endpoints/e/invocations",
        [("host", "h"), *extra],
        hashlib.sha256(body).hexdigest(),
        access_key_id="AKIA",
        secret=secret,
        region="us-east-1",
        service="sagemaker",
        now=at,
    )
    return sigv4.present("POST", "/endpoints/e/invocations", headers)


def of(first) -> Recurring:
    made = Recurring.of(first)
    assert made is not None
    return made


def verify(recurring: Recurring, claim, body: bytes, now: float = NOW, secret: str = SECRET):
    digest = hashlib.sha256(body).hexdigest()
    recurring.verify(claim.stamp, claim.signature, secret, digest, now)


def test_later_requests_are_verified_by_what_recurs():
    recurring = of(presented(b"first"))
    for second in range(20):
        for body in (b"", b"a", b"b"):
            claim = presented(body, NOW + second)
            assert recurring.presented(claim.stamp, claim.signature) == claim
            verify(recurring, claim, body, NOW + second)


@given(st.binary(max_size=20), st.binary(max_size=20), st.integers(-600, 600), st.booleans())
def test_it_decides_as_the_whole_verification_does(body, other, offset, right_secret):
    recurring = of(presented(b"first"))
    claim = presented(body, NOW)
    verify(recurring, claim, body)  # this time is prepared now
    secret = SECRET if right_secret else "guess"
    digest = hashlib.sha256(other).hexdigest()
    outcomes = []
    for decide in (
        lambda: sigv4.verify(claim, secret, digest, NOW + offset),
        lambda: recurring.verify(claim.stamp, claim.signature, secret, digest, NOW + offset),
    ):
        try:
            decide()
            outcomes.append(None)
        except CallerError as error:
            outcomes.append((error.code, error.message))
    assert outcomes[0] == outcomes[1]


def test_a_refused_time_prepares_nothing():
    recurring = of(presented(b"first"))
    claim = presented(b"x", NOW, secret="guess")
    for _ in range(2):
        with pytest.raises(CallerError, match="InvalidSignatureException"):
            verify(recurring, claim, b"x")


def test_a_secret_that_was_replaced_is_no_longer_accepted():
    recurring = of(presented(b"first"))
    claim = presented(b"x")
    verify(recurring, claim, b"x")
    with pytest.raises(CallerError, match="InvalidSignatureException"):
        verify(recurring, claim, b"x", secret="new")


@pytest.mark.parametrize(
    "extra",
    [
        ("x-amz-security-token", "t"),
        ("x-amz-content-sha256", hashlib.sha256(b"").hexdigest()),
        ("z-note", "x-amz-date:20260101T000000Z"),
    ],
)
def test_where_the_time_cannot_be_told_apart_nothing_recurs(extra):
    assert Recurring.of(presented(b"", NOW, extra)) is None


@pytest.mark.parametrize("name", sorted(CHANGING))
def test_where_something_signed_changes_with_each_request_nothing_recurs(name):
    assert Recurring.of(presented(b"", NOW, (name, "1"))) is None
