"""`hostler account`: further accounts of the same installation, each with its own root key."""

import time
from typing import Annotated

import typer

from hostler.app import account_folders, program
from hostler.app.settings import Settings
from hostler.app.supervisor import place
from hostler.cli.output import AsJson, CommandError, DataDir, directory, document, out
from hostler.domain.ids import ACCOUNT_PATTERN

ANSWER_WITHIN_S = 10.0
LOOK_EVERY_S = 0.1

app = typer.Typer(no_args_is_help=True, help="Accounts of this installation.")

Account = Annotated[str, typer.Argument(metavar="ACCOUNT", help="12 digits.")]


@app.command()
def create(account: Account, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Add an account; what is made in it is invisible to the others."""
    home = directory(data_dir)
    if not ACCOUNT_PATTERN.fullmatch(account):
        raise CommandError(f"an account is 12 digits like 111122223333, not {account!r}")
    settings = Settings.load(home)
    if account != settings.account:
        try:
            answer = account_folders.ask(settings.layout, account)
        except OSError as error:
            raise CommandError(
                f"the account cannot be added: {place.explain(error, home)}"
            ) from None
        deadline = time.monotonic() + ANSWER_WITHIN_S
        while (
            place.holder(home) is not None and not answer.exists() and time.monotonic() < deadline
        ):
            time.sleep(LOOK_EVERY_S)
    ready = account in _ready(settings)
    if as_json:
        document({"account": account, "ready": ready})
        return
    option = program.option(home)
    if not ready:
        out.print(f"account {account} is made with the next `hostler up{option}`", markup=False)
        return
    who = "" if account == settings.account else f" --as {account}"
    out.print(f"account {account} is ready", markup=False)
    out.print(f'next  eval "$({program.words()} env{option}{who})"', markup=False)


@app.command("list")
def list_(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """The accounts there are, the installation's own first."""
    settings = Settings.load(directory(data_dir))
    ready = _ready(settings)
    if as_json:
        document({"accounts": ready})
        return
    for account in ready:
        out.print(account, markup=False)


def _ready(settings: Settings) -> list[str]:
    """Every account that has its root key."""
    layout = settings.layout
    others = [each for each in account_folders.listed(layout) if layout.account_root(each).exists()]
    return [settings.account, *others]
