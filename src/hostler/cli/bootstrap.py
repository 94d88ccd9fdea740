"""`hostler bootstrap`: a project's bucket, execution role, users, policies and keys."""

from dataclasses import replace
from typing import Annotated

import typer

from hostler.app import program
from hostler.app.settings import Settings
from hostler.cli.keyring import KeyRing
from hostler.cli.output import (
    AsJson,
    CommandError,
    DataDir,
    connect,
    directory,
    document,
    err,
    out,
)
from hostler.domain.ids import ACCOUNT_PATTERN, REGION_PATTERN
from hostler.toolkit import bootstrap as steps
from hostler.toolkit.naming import Project


def bootstrap(
    company: Annotated[str, typer.Option(metavar="C", help="The organisation's prefix (acme).")],
    team: Annotated[str, typer.Option(metavar="T", help="The team's short name (rc).")],
    project: Annotated[str, typer.Option(metavar="P", help="The project (project-a).")],
    account: Annotated[
        str | None,
        typer.Option(
            metavar="A",
            help="Whose, of `hostler account list` [default: the one of `up`].",
            show_default=False,
        ),
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(
            metavar="R", help="Where it will deploy [default: the one of `up`].", show_default=False
        ),
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Make what a project needs before its first deployment; run it again at any time."""
    home = directory(data_dir)
    wanted = Project(company, team, project)
    settings = Settings.load(home)
    if region is not None and not REGION_PATTERN.fullmatch(region):
        raise CommandError(f"--region must be a region like us-east-1, not {region!r}")
    if account is not None and not ACCOUNT_PATTERN.fullmatch(account):
        raise CommandError(f"--account must be 12 digits, not {account!r}")
    keys = KeyRing(home, account or "")
    connection = replace(connect(home, account), region=region or settings.region)
    say = (lambda _line: None) if as_json else (lambda line: err.print(f"[green]✓[/] {line}"))
    result = steps.bootstrap(connection, keys, wanted, say)
    if as_json:
        document(
            {
                "bucket": result.bucket,
                "role_arn": result.role_arn,
                "region": connection.region,
                "deployer": result.deployer.user,
                "deployer_access_key_id": result.deployer.access_key_id,
                "caller": result.caller.user,
                "caller_access_key_id": result.caller.access_key_id,
            }
        )
        return
    option = program.option(home)
    who = "deployer" if len(keys.of_purpose("deployer")) == 1 else result.deployer.user
    if account not in (None, settings.account):
        who = f"{account}/{who}"
    out.print(
        f"next  upload a model to s3://{result.bucket}/models/ and deploy it with the role",
        markup=False,
    )
    out.print(f"      {result.role_arn}", markup=False)
    out.print(f'      eval "$({program.words()} env{option} --as {who})"', markup=False)
