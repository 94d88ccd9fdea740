"""Temporary credentials in the data plane: found by token, never by a half of one."""

from dataclasses import replace

from hostler.aws import temporary, tokens
from hostler.aws.temporary import Temporary
from hostler.domain.grants import Grant
from hostler.domain.snapshot import Principal

KEY = b"k" * 32
ROLE = Principal("arn:aws:iam::1:role/x/R", "1", "AROA1", "R", tags={})
GRANT = Grant("ASIA1", "secret", "AROA1", 0.0, 900.0, session_name="s")


def sealed(grant: Grant, number: int = 0) -> str:
    return tokens.seal(KEY, grant, number.to_bytes(12))


def test_a_token_says_whose_it_is() -> None:
    found = Temporary(KEY, [ROLE]).find("ASIA1", sealed(GRANT))
    assert found is not None
    credential, who = found
    assert (credential.secret, credential.expires) == ("secret", 900.0)
    assert (who.arn, who.unique_id) == ("arn:aws:sts::1:assumed-role/R/s", "AROA1:s")
    assert who.session is not None
    assert who.session.role_arn == ROLE.arn


def test_no_session_is_anothers() -> None:
    knows = Temporary(KEY, [ROLE])
    one, other = sealed(GRANT), sealed(replace(GRANT, access_key_id="ASIA2", session_name="t"), 1)
    for _ in range(2):  # also once it is remembered
        assert knows.find("ASIA1", one) is not None
        assert knows.find("ASIA2", one) is None
        assert knows.find("ASIA1", other) is None


def test_a_role_that_is_gone_has_none() -> None:
    assert Temporary(KEY, []).find("ASIA1", sealed(GRANT)) is None
    again = replace(ROLE, unique_id="AROA2")
    assert Temporary(KEY, [again]).find("ASIA1", sealed(GRANT)) is None


def test_without_a_key_there_are_none() -> None:
    assert Temporary().find("ASIA1", sealed(GRANT)) is None


def test_what_is_remembered_is_bounded() -> None:
    knows = Temporary(KEY, [ROLE])
    for number in range(temporary.SESSIONS_MAX + 10):
        name = f"ASIA{number}"
        assert knows.find(name, sealed(replace(GRANT, access_key_id=name), number)) is not None
    assert len(knows._known) == temporary.SESSIONS_MAX
