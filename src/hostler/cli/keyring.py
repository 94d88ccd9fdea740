"""The access keys of a data directory's users, as `hostler env` and `hostler bootstrap` keep them.

Invariant: a file of the user's own, 0600, beside the data it opens; secrets are written nowhere
else on the client's side. The root user's key is control's file and only read here.
"""

import json
import shlex
from dataclasses import asdict, replace
from pathlib import Path

from hostler.domain.ids import ACCOUNT_PATTERN
from hostler.domain.layout import Layout
from hostler.modelserver import whole
from hostler.toolkit.credentials import Key


class CredentialsError(Exception):
    """No usable key for who was asked for; the text says how to get one."""


def own_account(data_dir: Path) -> str:
    """The account that an installation was started with; empty where it cannot be told yet."""
    try:
        account: str = json.loads(Layout(data_dir).root_credentials.read_text())["account"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return account


class KeyRing:
    """The keys of one account in a data directory; without a name, of the installation's own."""

    def __init__(self, data_dir: Path, account: str = "") -> None:
        self._account = "" if account == own_account(data_dir) else account
        self._data_dir = data_dir
        self._option = f" --data-dir {shlex.quote(str(data_dir))}"
        self._layout = Layout(data_dir)
        self._path = self._layout.user_keys

    def find(self, who: str | None) -> Key:
        """The key of root (None), of a purpose (deployer, caller) or of a user.

        Another account's is meant by ``ACCOUNT`` (its root) or ``ACCOUNT/WHO``.

        Raises:
            CredentialsError: there is none, or a purpose fits several users.
        """
        account, _, user = (who or "").partition("/")
        if ACCOUNT_PATTERN.fullmatch(account):
            return KeyRing(self._data_dir, account).find(user or None)
        if who in (None, "root"):
            return self._root()
        keys = self._mine()
        fitting = [key for key in keys if who == key.user] or self.of_purpose(str(who))
        if len(fitting) == 1:
            return fitting[0]
        if not fitting:
            known = ", ".join(key.user for key in keys) or "nobody yet"
            raise CredentialsError(
                f"no key for {who!r} in {self._data_dir} (known: {known}): make users with "
                f"`hostler bootstrap{self._option} --company C --team T --project P`"
            )
        names = ", ".join(key.user for key in fitting)
        raise CredentialsError(f"{who!r} may be any of {names}: name the user with --as")

    def user(self, name: str) -> Key | None:
        return next((key for key in self._mine() if key.user == name), None)

    def of_purpose(self, purpose: str) -> list[Key]:
        return [key for key in self._mine() if key.purpose == purpose]

    def keep(self, key: Key) -> None:
        """Add or replace a user's key."""
        own = replace(key, account=self._account)
        same = (own.account, own.user)
        others = [other for other in self._read() if (other.account, other.user) != same]
        records = [asdict(each) for each in [*others, own]]
        whole.write(self._path, json.dumps(records, indent=2).encode())

    def _root(self) -> Key:
        account = self._account
        path = self._layout.account_root(account) if account else self._layout.root_credentials
        try:
            record = json.loads(path.read_text())
            key_id, secret = record["access_key_id"], record["secret_access_key"]
            key = Key("root", "root", key_id, secret, account=account)
        except FileNotFoundError:
            if account:
                raise CredentialsError(
                    f"{self._data_dir} has no account {account}: add it with "
                    f"`hostler account create {account}{self._option}`"
                ) from None
            raise CredentialsError(
                f"{self._data_dir} has no root key yet: start it with `hostler up{self._option}`"
            ) from None
        except PermissionError:
            raise CredentialsError(
                f"not allowed to read {self._data_dir}'s root key: run as the user who started "
                "Hostler, or choose another --data-dir"
            ) from None
        except (ValueError, KeyError, TypeError) as error:
            raise CredentialsError(
                f"{path} is damaged ({error}): restart Hostler, which writes it"
            ) from None
        return key

    def _mine(self) -> list[Key]:
        return [key for key in self._read() if key.account == self._account]

    def _read(self) -> list[Key]:
        try:
            return [Key(**record) for record in json.loads(self._path.read_text())]
        except FileNotFoundError:
            return []
        except (ValueError, TypeError) as error:
            raise CredentialsError(
                f"{self._path} cannot be read ({error}): delete it and run "
                f"`hostler bootstrap{self._option}`"
            ) from None
