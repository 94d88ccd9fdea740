"""Whose key is meant, and where it lies."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hostler.cli.keyring import CredentialsError, KeyRing
from hostler.toolkit.credentials import Key

ACCOUNT, OTHER = "123456789012", "111122223333"
KEY = Key("rc-project-a-deployer", "deployer", "AKIA", "it's secret", "acme-sm-rc-project-a")


def test_a_key_is_found_by_user_and_by_purpose_unless_that_is_ambiguous(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    with pytest.raises(CredentialsError, match="hostler bootstrap"):
        ring.find("deployer")
    ring.keep(KEY)
    ring.keep(KEY)
    assert ring.find("deployer") == ring.find(KEY.user) == KEY
    assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600
    ring.keep(Key("other-deployer", "deployer", "AKIB", "s"))
    with pytest.raises(CredentialsError, match="other-deployer"):
        ring.find("deployer")
    assert ring.find("other-deployer").access_key_id == "AKIB"
    assert [key.user for key in ring.of_purpose("deployer")] == [KEY.user, "other-deployer"]


def test_a_users_name_goes_before_a_purpose(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    ring.keep(KEY)
    ring.keep(Key("deployer", "user", "AKIC", "s"))
    assert ring.find("deployer").access_key_id == "AKIC"


def test_another_accounts_keys_are_named_by_it(tmp_path: Path) -> None:
    record = {"access_key_id": "AKIR", "secret_access_key": "s", "account": ACCOUNT}
    (tmp_path / "root.json").write_text(json.dumps(record))
    ring, theirs = KeyRing(tmp_path), KeyRing(tmp_path, OTHER)
    with pytest.raises(CredentialsError, match=f"hostler account create {OTHER}"):
        ring.find(OTHER)
    (tmp_path / "accounts" / OTHER).mkdir(parents=True)
    other_root = record | {"access_key_id": "AKIT", "account": OTHER}
    (tmp_path / "accounts" / OTHER / "root.json").write_text(json.dumps(other_root))
    assert (ring.find(OTHER).access_key_id, ring.find(OTHER).account) == ("AKIT", OTHER)
    assert ring.find(ACCOUNT) == ring.find(None)
    ring.keep(KEY)
    theirs.keep(replace(KEY, access_key_id="AKID"))
    assert ring.find("deployer") == ring.find(f"{ACCOUNT}/deployer") == KEY
    assert ring.find(f"{OTHER}/deployer").access_key_id == "AKID"
    assert len(ring.of_purpose("deployer")) == len(theirs.of_purpose("deployer")) == 1


def test_root_is_who_is_meant_when_nobody_is_named(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    with pytest.raises(CredentialsError, match="hostler up"):
        ring.find(None)
    record = {"access_key_id": "AKIR", "secret_access_key": "s", "account": ACCOUNT}
    (tmp_path / "root.json").write_text(json.dumps(record))
    assert ring.find(None) == ring.find("root")
    assert ring.find("root").access_key_id == "AKIR"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "null"])
def test_damaged_keys_are_said_with_the_remedy(tmp_path: Path, text: str) -> None:
    (tmp_path / "root.json").write_text(text)
    with pytest.raises(CredentialsError, match="restart Hostler"):
        KeyRing(tmp_path).find(None)
    (tmp_path / "keys.json").write_text(text.replace("[]", "[1]").replace("{}", "[{}]"))
    with pytest.raises(CredentialsError, match="run `hostler bootstrap --data-dir"):
        KeyRing(tmp_path).find("deployer")
