"""`hostler config rotate-key`: secrets are sealed with a new key."""

from hostler.app import program
from hostler.app.settings import Settings
from hostler.app.supervisor import desk
from hostler.cli.output import AsJson, CommandError, DataDir, directory, document, out
from hostler.vault.sealing import Vault


def rotate_key(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Seal the secrets in the data directory with a new key; gateways serve on meanwhile."""
    settings = Settings.load(directory(data_dir))
    path = settings.layout.secrets_key
    if not path.exists():
        raise CommandError(
            f"there is no {path} yet: `hostler up{program.option(settings.data_dir)}` makes it"
        )
    Vault(path).add()
    try:
        desk.ask(settings.layout.supervisor_socket, {"op": "renew", "name": "control"})
        when = "now"
    except OSError:
        when = "with the next `hostler up`"
    if as_json:
        document({"key": str(path), "sealed": when})
    else:
        out.print(f"secrets are sealed with a new key {when}: {path}", markup=False)
