"""`hostler env`: point a shell, and every AWS tool started from it, at Hostler."""

import os
import re
import shlex
from pathlib import Path
from typing import Annotated

import typer

from hostler.app.settings import Settings
from hostler.app.supervisor import place
from hostler.cli import trust
from hostler.cli.output import (
    As,
    AsJson,
    CommandError,
    DataDir,
    connect,
    directory,
    document,
    err,
    out,
)
from hostler.domain.layout import Layout
from hostler.modelserver import whole
from hostler.toolkit import profile, shell
from hostler.toolkit.connection import Connection
from hostler.toolkit.shell import Interception, Shell

_PROFILE_NAME = re.compile(r"[A-Za-z0-9._@+-]{1,64}")

Intercept = Annotated[
    bool,
    typer.Option(
        "--intercept",
        help="Answer AWS's own addresses: an HTTPS proxy with a local certificate authority.",
    ),
]
InShell = Annotated[
    Shell,
    typer.Option(
        "--shell",
        help="Whose words to write: sh (also bash, zsh), fish, powershell; env-file for CI.",
    ),
]
Profile = Annotated[
    str | None,
    typer.Option("--profile", metavar="NAME", help="Write an AWS profile of this name instead."),
]


def env(
    data_dir: DataDir = None,
    who: As = None,
    as_json: AsJson = False,
    intercept: Intercept = False,
    shell_: InShell = Shell.SH,
    name: Profile = None,
) -> None:
    """Print shell exports; use them with [bold]eval "$(hostler env)"[/]."""
    home = directory(data_dir)
    connection = connect(home, who)
    if name is not None:
        if intercept:
            raise CommandError(
                "a profile cannot name a proxy: use `hostler env --intercept` without --profile"
            )
        _write_profile(name, connection, sdk_config(home, connection), as_json=as_json)
        return
    config = sdk_config(home, connection)
    if intercept:
        variables = shell.intercepted(connection, _interception(home), config, os.environ)
    else:
        variables = shell.exports(connection, config, os.environ)
    if (copy := aws_config(home)) is not None:
        variables["AWS_CONFIG_FILE"] = str(copy)
    if as_json:
        document(variables)
        return
    options = [
        *(("--data-dir", str(data_dir)) if data_dir else ()),
        *(("--as", who) if who else ()),
        *(("--intercept",) if intercept else ()),
        *(("--shell", shell_.value) if shell_ is not Shell.SH else ()),
    ]
    words = shlex.join(["hostler", "env", *options])
    unset = shell.hindrances(os.environ, variables)
    print(shell.script(variables, unset, words, shell_), end="")


def sdk_config(home: Path, connection: Connection) -> Path | None:
    """Write the SageMaker SDK's config file for a connection's key, and say where it is.

    None where it cannot be written: a full disk is no reason to keep the way to it from anybody.
    """
    bucket = connection.key.bucket or f"sagemaker-{connection.region}-{connection.account}"
    key = connection.key
    path = Layout(home).sdk_config(f"{key.account}-{key.user}" if key.account else key.user)
    text = shell.sdk_config(bucket)
    if path.exists() and path.read_text() == text:
        return path
    try:
        whole.write(path, text.encode(), mode=0o644)
    except OSError as error:
        err.print(f"[yellow]without the SageMaker SDK's settings:[/] {place.explain(error, home)}")
        return None
    return path


def aws_config(home: Path) -> Path | None:
    """The user's AWS configuration with what version 2 of the CLI needs for ``--body``.

    None where the user's own is enough, or where it cannot be copied: nothing else needs it.
    """
    source, _credentials = profile.files(os.environ, Path.home())
    active = os.environ.get("AWS_PROFILE") or os.environ.get("AWS_DEFAULT_PROFILE")
    try:
        return profile.copied(source, Layout(home).aws_configs, active)
    except OSError as error:
        err.print(f"[yellow]without settings for version 2 of the AWS CLI:[/] {error}")
        return None


def _interception(home: Path) -> Interception:
    settings = Settings.load(home)
    certificates = trust.bundle(settings)
    token = settings.layout.proxy_token.read_text().strip()
    scheme, _, address = settings.endpoint_url.partition("://")
    proxy = f"{scheme}://hostler:{token}@{address}"
    before = os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy")
    if before and not before.endswith(f"@{address}"):
        err.print(
            "[yellow]HTTPS_PROXY was set:[/] hosts that are not AWS's are reached by Hostler "
            "directly now, not through that proxy"
        )
    return Interception(proxy, certificates)


def _write_profile(
    name: str, connection: Connection, sdk_config: Path | None, *, as_json: bool
) -> None:
    if not _PROFILE_NAME.fullmatch(name):
        raise CommandError(f"a profile cannot be named {name!r}: use letters, digits and ._@+-")
    config, credentials = profile.files(os.environ, Path.home())
    section = "default" if name == "default" else f"profile {name}"
    settings = {
        "region": connection.region,
        "endpoint_url": connection.endpoint_url,
        # With this, version 2 of the CLI takes --body as version 1 does.
        "cli_binary_format": "raw-in-base64-out",
        **({"ca_bundle": str(connection.ca_bundle)} if connection.ca_bundle else {}),
    }
    keys = {
        "aws_access_key_id": connection.key.access_key_id,
        "aws_secret_access_key": connection.key.secret_access_key,
    }
    try:
        profile.put((config, section, settings), (credentials, name, keys))
    except (profile.ProfileError, OSError) as error:
        raise CommandError(str(error)) from None
    variables = {"AWS_PROFILE": name}
    if sdk_config is not None:
        variables["SAGEMAKER_USER_CONFIG_OVERRIDE"] = str(sdk_config)
    if as_json:
        document(variables)
        return
    words = " ".join(f"{each}={shlex.quote(value)}" for each, value in variables.items())
    out.print(f"wrote profile {name}: {config}, {credentials}", markup=False)
    out.print(f"use it with: export {words}", markup=False)
