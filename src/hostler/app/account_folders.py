"""Further accounts as the command line asks for them: a folder is the wish.

Invariant: nothing but folders is made here; the key file in one is control's answer
(``app.accounts``).
"""

from pathlib import Path

from hostler.domain.ids import ACCOUNT_PATTERN
from hostler.domain.layout import Layout


def ask(layout: Layout, account: str) -> Path:
    """Ask for an account; the path of the key file that answers."""
    answer = layout.account_root(account)
    answer.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return answer


def listed(layout: Layout) -> list[str]:
    """The accounts that were asked for, beside the installation's own."""
    if not layout.accounts.is_dir():
        return []
    folders = (each.name for each in layout.accounts.iterdir() if each.is_dir())
    return sorted(name for name in folders if ACCOUNT_PATTERN.fullmatch(name))
