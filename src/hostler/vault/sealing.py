"""Secrets sealed for the disk: AES-256-GCM under a key that lies in a file of its own (0600).

A sealed text says which key sealed it, so that keys can follow each other. It opens only for what
it was sealed for (``about``): one that is copied elsewhere is worth nothing there.

Invariant: a key file is written whole, and never loses the key of something that is still sealed
with it (``Vault.forget_others``, for control alone). No key and no secret is in a text of ours.
"""

import base64
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hostler.modelserver import whole

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MARK = b"hsealed1"
"""Begins whatever is sealed: what does not begin so was never sealed."""
_ID_BYTES, _NONCE_BYTES, _KEY_BYTES = 4, 12, 32
_FORMAT = 1


class VaultError(Exception):
    """The key is missing, or what it should open is damaged; the text says which and what to do."""


@dataclass(frozen=True, slots=True)
class _Key:
    id: bytes
    key: bytes = field(repr=False)


class Vault:
    """Seals with the newest key of a file, opens with any of them.

    Without a file it has one key that dies with it, for databases in memory.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._keys: tuple[_Key, ...] = ()

    def ensure(self) -> None:
        """Make the first key where there is none; raises OSError. For control alone."""
        if self._path is not None and not self._path.exists():
            self._write((_new(),))

    def add(self) -> None:
        """Make a newer key: what is sealed from now on is sealed with it."""
        self._write((_new(), *self._read()))

    def forget_others(self) -> None:
        """Let go of all but the newest key: nothing is sealed with another one any more."""
        keys = self._read()
        if len(keys) > 1:
            self._write(keys[:1])

    def seal(self, data: bytes, about: str) -> bytes:
        """Data that ``open`` gives back for the same ``about``."""
        newest = self._known()[0]
        nonce = os.urandom(_NONCE_BYTES)
        return MARK + newest.id + nonce + _cipher(newest).encrypt(nonce, data, about.encode())

    def open(self, sealed: bytes, about: str) -> bytes:
        """What was sealed.

        Raises:
            VaultError: with none of our keys, for something else, or it was changed.
        """
        start = len(MARK) + _ID_BYTES
        key = self._of(sealed[len(MARK) : start]) if sealed.startswith(MARK) else None
        if key is None:
            raise VaultError(f"{self._path} has not the key that sealed this: put it back there")
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415

        nonce, rest = sealed[start : start + _NONCE_BYTES], sealed[start + _NONCE_BYTES :]
        try:
            return _cipher(key).decrypt(nonce, rest, about.encode())
        except (InvalidTag, ValueError):
            raise VaultError("what was sealed is damaged, or was moved from elsewhere") from None

    def is_newest(self, sealed: bytes) -> bool:
        """Whether it is sealed, and with the newest key."""
        start = len(MARK) + _ID_BYTES
        return sealed.startswith(MARK) and sealed[len(MARK) : start] == self._known()[0].id

    def seal_text(self, text: str, about: str) -> str:
        """``seal`` for columns of text."""
        return base64.b64encode(self.seal(text.encode(), about)).decode()

    def open_text(self, sealed: str, about: str) -> str:
        """``open`` for what ``seal_text`` gave."""
        return self.open(_bytes(sealed), about).decode()

    def is_newest_text(self, sealed: str) -> bool:
        """``is_newest`` for what may be of ``seal_text``."""
        return self.is_newest(_bytes(sealed))

    def _of(self, key_id: bytes) -> _Key | None:
        """A key by its id; the file is read again for one that is not known yet."""
        for keys in (self._known, self._read):
            for key in keys():
                if key.id == key_id:
                    return key
        return None

    def _known(self) -> tuple[_Key, ...]:
        return self._keys or self._read()

    def _read(self) -> tuple[_Key, ...]:
        if self._path is None:
            self._keys = self._keys or (_new(),)
            return self._keys
        try:
            document = json.loads(self._path.read_text())
            if document["format"] > _FORMAT:
                raise VaultError(f"{self._path} was written by a newer Hostler: upgrade this one")
            self._keys = tuple(
                _Key(bytes.fromhex(each["id"]), base64.b64decode(each["key"]))
                for each in document["keys"]
            )
        except FileNotFoundError:
            raise VaultError(f"there is no {self._path}: put it back from a backup") from None
        except (ValueError, KeyError, TypeError) as error:
            name = type(error).__name__  # its text might quote a key
            raise VaultError(
                f"{self._path} cannot be read ({name}): put it back from a backup"
            ) from None
        return self._keys

    def _write(self, keys: tuple[_Key, ...]) -> None:
        if self._path is not None:
            document = {
                "format": _FORMAT,
                "keys": [
                    {"id": each.id.hex(), "key": base64.b64encode(each.key).decode()}
                    for each in keys
                ],
            }
            whole.write(self._path, json.dumps(document, indent=2).encode() + b"\n")
        self._keys = keys


def _bytes(sealed: str) -> bytes:
    try:
        return base64.b64decode(sealed, validate=True)
    except ValueError:
        return b""


def _new() -> _Key:
    return _Key(os.urandom(_ID_BYTES), os.urandom(_KEY_BYTES))


def _cipher(key: _Key) -> "AESGCM":
    # Loaded with the first secret: commands that meet none start without it.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    return AESGCM(key.key)
