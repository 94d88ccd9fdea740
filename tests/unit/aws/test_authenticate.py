"""Keys that are not known, and tokens that belong to none, in each service's words."""

import hashlib

import pytest

from hostler.aws import sigv4
from hostler.aws.authenticate import authenticate
from hostler.domain.errors import CallerError

KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
NOTHING = hashlib.sha256(b"").hexdigest()
NOW = 1_767_225_600.0


def presented(
    service: str, *signed: tuple[str, str], unsigned: tuple[tuple[str, str], ...] = ()
) -> sigv4.Presented:
    headers = sigv4.sign(
        "POST",
        "/",
        [("host", "h"), *signed],
        NOTHING,
        access_key_id=KEY,
        secret=SECRET,
        region="us-east-1",
        service=service,
        now=NOW,
    )
    return sigv4.present("POST", "/", [*headers, *unsigned])


def refusal(
    claim: sigv4.Presented, known: tuple[str, str] | None, expires: float | None = None
) -> tuple[str, str]:
    with pytest.raises(CallerError) as raised:
        authenticate(claim, known, NOTHING, NOW, expires=expires)
    return raised.value.code, raised.value.message


def test_a_known_key_with_its_own_secret_is_whose_it_is() -> None:
    assert authenticate(presented("sagemaker"), (SECRET, "me"), NOTHING, NOW) == "me"
    assert refusal(presented("sagemaker"), ("other", "me"))[0] == "InvalidSignatureException"


@pytest.mark.parametrize(
    ("service", "code"),
    [
        ("sagemaker", "UnrecognizedClientException"),
        ("sts", "InvalidClientTokenId"),
        ("s3", "InvalidAccessKeyId"),
    ],
)
def test_an_unknown_key_is_told_by_each_service_in_its_words(service: str, code: str) -> None:
    assert refusal(presented(service), None)[0] == code


@pytest.mark.parametrize(
    ("service", "code", "text"),
    [
        (
            "sagemaker",
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        ),
        (
            "sts",
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
        ),
        ("s3", "InvalidToken", "The provided token is malformed or otherwise invalid."),
    ],
)
def test_a_session_token_with_a_long_lived_key_is_refused(
    service: str, code: str, text: str
) -> None:
    """One that was left in the environment went unnoticed here, and fails on AWS."""
    token = ("x-amz-security-token", "of another key")
    assert refusal(presented(service, token), (SECRET, "me")) == (code, text)
    assert refusal(presented(service, unsigned=(token,)), (SECRET, "me")) == (code, text)
    # Nor is a token known that belongs to no key at all.
    assert refusal(presented(service, token), None) == (code, text)


@pytest.mark.parametrize(
    ("service", "code", "text"),
    [
        (
            "sagemaker",
            "ExpiredTokenException",
            "The security token included in the request is expired",
        ),
        ("sts", "ExpiredToken", "The security token included in the request is expired"),
        ("s3", "ExpiredToken", "The provided token has expired."),
    ],
)
def test_temporary_credentials_end(service: str, code: str, text: str) -> None:
    claim = presented(service, ("x-amz-security-token", "its own"))
    assert authenticate(claim, (SECRET, "me"), NOTHING, NOW, expires=NOW + 0.1) == "me"
    assert refusal(claim, (SECRET, "me"), NOW) == (code, text)
    assert refusal(claim, ("other", "me"), NOW)[0] != code, "who cannot sign learns nothing"
