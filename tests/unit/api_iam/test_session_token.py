"""GetSessionToken, and what its credentials reach."""

from typing import Any

import pytest

from hostler.api import authenticate
from hostler.domain.errors import CallerError

BOB = "arn:aws:iam::123456789012:user/Bob"


def test_a_user_acts_as_itself(root: Any, document: Any) -> None:
    made = root("CreateUser", UserName="Bob")["User"]
    root("PutUserPolicy", UserName="Bob", PolicyName="p", PolicyDocument=document("s3:*"))
    bob = root.named("Bob")
    credentials = bob("GetSessionToken")["Credentials"]
    assert credentials["Expiration"] == 1_700_000_000 + 43_200
    session = root.session(credentials)
    assert session("GetCallerIdentity") == {
        "UserId": made["UserId"],
        "Account": "123456789012",
        "Arn": BOB,
    }
    assert session.principal.policies == bob.principal.policies
    assert session.principal.known_as == credentials["AccessKeyId"]
    error = session.refused("AccessDeniedException", "GetSessionToken")
    assert error.message == "Cannot call GetSessionToken with session credentials"
    # It outlives the keys of its user, and not the user.
    root("DeleteUserPolicy", UserName="Bob", PolicyName="p")
    assert root.session(credentials).principal.policies == ()
    root("DeleteUser", UserName="Bob")
    with pytest.raises(CallerError, match="InvalidClientTokenId"):
        root.session(credentials)


def test_roots_session_is_an_hour_long(root: Any) -> None:
    root.refused("ValidationError", "GetSessionToken", DurationSeconds=3_601)
    credentials = root("GetSessionToken")["Credentials"]
    assert credentials["Expiration"] == 1_700_000_000 + 3_600
    assert root.session(credentials).principal.is_root


def test_iam_is_closed_to_a_session_without_mfa(root: Any) -> None:
    session = root.session(root("GetSessionToken")["Credentials"])
    authenticate.check_reach("sts", session.principal)
    authenticate.check_reach("iam", root.principal)
    with pytest.raises(CallerError, match="InvalidClientTokenId"):
        authenticate.check_reach("iam", session.principal)


def test_a_token_is_its_keys_alone(root: Any) -> None:
    one, other = (root("GetSessionToken")["Credentials"] for _ in range(2))
    for wrong in (
        {**one, "SessionToken": other["SessionToken"]},
        {**one, "SessionToken": one["SessionToken"][:-8] + "AAAAAAA="},
        {**one, "SessionToken": "no token"},
    ):
        with pytest.raises(CallerError, match="InvalidClientTokenId"):
            root.session(wrong)
    with pytest.raises(CallerError, match="SignatureDoesNotMatch"):
        root.session({**one, "SecretAccessKey": other["SecretAccessKey"]})
