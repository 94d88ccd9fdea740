"""What is sealed opens with its key, for what it was sealed for, and says when it does not."""

from pathlib import Path

import pytest

from hostler.vault.sealing import Vault, VaultError

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "secrets.key"
    Vault(made).ensure()
    return made


def test_another_process_opens_it_with_the_same_file(path: Path) -> None:
    sealed = Vault(path).seal_text(SECRET, "AKIA1")
    assert SECRET not in sealed
    assert Vault(path).open_text(sealed, "AKIA1") == SECRET
    assert path.stat().st_mode & 0o777 == 0o600
    assert Vault(path).seal_text(SECRET, "AKIA1") != sealed, "each has a nonce of its own"


def test_ensuring_again_changes_nothing(path: Path) -> None:
    before = path.read_bytes()
    Vault(path).ensure()
    assert path.read_bytes() == before


def test_it_opens_for_nothing_else_and_not_when_it_was_changed(path: Path) -> None:
    vault = Vault(path)
    sealed = vault.seal(SECRET.encode(), "AKIA1")
    with pytest.raises(VaultError, match="moved from elsewhere"):
        vault.open(sealed, "AKIA2")
    for at in range(len(sealed)):
        broken = bytearray(sealed)
        broken[at] ^= 1
        with pytest.raises(VaultError):
            vault.open(bytes(broken), "AKIA1")
    for end in range(len(sealed)):
        with pytest.raises(VaultError):
            vault.open(sealed[:end], "AKIA1")


@pytest.mark.parametrize("text", [SECRET, "", "é", "AAAA"])
def test_what_was_never_sealed_is_not_taken_for_it(path: Path, text: str) -> None:
    vault = Vault(path)
    assert not vault.is_newest_text(text)
    with pytest.raises(VaultError, match="put it back"):
        vault.open_text(text, "AKIA1")


def test_a_newer_key_seals_while_the_older_one_opens_until_it_is_forgotten(path: Path) -> None:
    running = Vault(path)
    old = running.seal(SECRET.encode(), "a")
    Vault(path).add()
    new = Vault(path).seal(SECRET.encode(), "a")
    assert running.open(new, "a") == SECRET.encode(), "the file is read again for a key it lacks"
    assert (running.is_newest(old), running.is_newest(new)) == (False, True)
    assert Vault(path).open(old, "a") == SECRET.encode()
    running.forget_others()
    with pytest.raises(VaultError, match=r"secrets\.key has not the key"):
        Vault(path).open(old, "a")


@pytest.mark.parametrize(
    "text", ["", "{}", '{"format": 1, "keys": [{"id": "zz"}]}', '{"format": 9}']
)
def test_a_key_file_that_cannot_be_used_is_named_and_not_quoted(path: Path, text: str) -> None:
    path.write_text(text)
    with pytest.raises(VaultError, match=r"secrets\.key"):
        Vault(path).seal(b"", "a")
    path.unlink()
    with pytest.raises(VaultError, match=r"there is no .*secrets\.key"):
        Vault(path).seal(b"", "a")


def test_no_key_is_in_what_is_printed(path: Path) -> None:
    vault = Vault(path)
    vault.seal(b"", "a")
    assert "key=" not in repr(vault._known())
