"""The variables that point a user's own tools at Hostler, as text for their shell.

Invariant: exports add to the user's environment; AWS profiles and configuration files of the user
are not changed.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from hostler.domain import hosts
from hostler.toolkit.connection import Connection

_REDIRECTING = frozenset(
    {
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
        "AWS_USE_DUALSTACK_ENDPOINT",
        "AWS_USE_FIPS_ENDPOINT",
    }
)


CERTIFICATES = (
    "AWS_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "SSL_CERT_FILE",
    "NODE_EXTRA_CA_CERTS",
)
"""What names the authorities to trust: for AWS's tools, requests (and so the SageMaker SDK), curl,
OpenSSL and Go, Node."""
_PROXIES = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")


class Shell(StrEnum):
    """Whose words the exports are written in."""

    SH = "sh"
    FISH = "fish"
    POWERSHELL = "powershell"
    ENV_FILE = "env-file"
    """Of no shell: lines for `docker run --env-file` and GitHub's ``$GITHUB_ENV``."""


@dataclass(frozen=True, slots=True)
class Interception:
    """What a tool needs to reach AWS's own addresses through Hostler."""

    proxy_url: str
    """With the token in it."""
    certificates: Path
    """What to trust: the user's authorities and Hostler's."""


def exports(
    connection: Connection, sdk_config: Path | None, environ: Mapping[str, str]
) -> dict[str, str]:
    """The variables to set.

    ``SAGEMAKER_USER_CONFIG_OVERRIDE`` makes the SageMaker SDK take its default bucket from a file;
    without it the SDK asks STS for the account at a hard-coded address on the Internet.
    """
    variables = {"AWS_ENDPOINT_URL": connection.endpoint_url, **_identity(connection)}
    if connection.ca_bundle is not None:
        variables["AWS_CA_BUNDLE"] = str(connection.ca_bundle)
    if sdk_config is not None:
        variables["SAGEMAKER_USER_CONFIG_OVERRIDE"] = str(sdk_config)
    if any(environ.get(name) for name in _PROXIES):
        variables |= _past_proxies(environ)
    return variables


def intercepted(
    connection: Connection,
    interception: Interception,
    sdk_config: Path | None,
    environ: Mapping[str, str],
) -> dict[str, str]:
    """The variables with which every TLS call to AWS's own addresses is answered by Hostler."""
    variables = {
        **_identity(connection),
        "HTTPS_PROXY": interception.proxy_url,
        "https_proxy": interception.proxy_url,
        **dict.fromkeys(CERTIFICATES, str(interception.certificates)),
        **_past_proxies(environ, not_aws=True),
    }
    if sdk_config is not None:
        variables["SAGEMAKER_USER_CONFIG_OVERRIDE"] = str(sdk_config)
    return variables


def _identity(connection: Connection) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": connection.key.access_key_id,
        "AWS_SECRET_ACCESS_KEY": connection.key.secret_access_key,
        "AWS_DEFAULT_REGION": connection.region,
        "AWS_REGION": connection.region,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _past_proxies(environ: Mapping[str, str], *, not_aws: bool = False) -> dict[str, str]:
    """This machine's own addresses are reached without any proxy; with ``not_aws`` AWS's never."""
    present = (environ.get("no_proxy") or environ.get("NO_PROXY") or "").split(",")
    kept = [each for each in present if each.strip() and not (not_aws and _covers_aws(each))]
    local = [host for host in ("127.0.0.1", "localhost") if host not in kept]
    exceptions = ",".join([*kept, *local])
    # Python takes the lower-case one where both are set, other tools the other.
    return {"NO_PROXY": exceptions, "no_proxy": exceptions}


def _covers_aws(exception: str) -> bool:
    """Whether an entry of NO_PROXY would let a host of AWS's past the proxy."""
    name = exception.strip().partition(":")[0].lstrip("*.").lower()
    return not name or any(
        hosts.is_aws(f"any.{name}") or f".{domain}".endswith(f".{name}")
        for domain in hosts.AWS_DOMAINS
    )


def hindrances(environ: Mapping[str, str], variables: Mapping[str, str]) -> list[str]:
    """Variables to unset: each would send calls, or a part of their signature, elsewhere."""
    others = [] if "AWS_ENDPOINT_URL" in variables else ["AWS_ENDPOINT_URL"]
    return [
        "AWS_SESSION_TOKEN",  # a session of another account would be sent along
        *others,
        *sorted(
            name for name in environ if name in _REDIRECTING or name.startswith("AWS_ENDPOINT_URL_")
        ),
    ]


def script(
    variables: Mapping[str, str],
    unset: Sequence[str],
    words: str = "hostler env",
    shell: Shell = Shell.SH,
) -> str:
    """The exports in a shell's own words; ``words`` is the command that says them."""
    words = "".join(each if each.isprintable() else "?" for each in words)
    match shell:
        case Shell.SH:
            lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
            lines += [f"unset {' '.join(unset)}", f'# use it with: eval "$({words})"']
        case Shell.FISH:
            lines = [f"set -gx {name} {_in_fish(value)}" for name, value in variables.items()]
            lines += [f"set -e {name}" for name in unset]
            lines.append(f"# use it with: {words} | source")
        case Shell.POWERSHELL:
            lines = [
                f"$env:{name} = '{value.replace(chr(39), 2 * chr(39))}'"
                for name, value in variables.items()
            ]
            lines += [f"Remove-Item Env:{name} -ErrorAction Ignore" for name in unset]
            lines.append(f"# use it with: {words} | Out-String | Invoke-Expression")
        case Shell.ENV_FILE:
            lines = [f"{name}={value}" for name, value in variables.items()]
    return "\n".join(lines) + "\n"


def _in_fish(value: str) -> str:
    """In single quotes a backslash and a quote are escaped, nothing else."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def sdk_config(bucket: str) -> str:
    """The SageMaker Python SDK's configuration (v2 and v3): default bucket, prefix, no telemetry.

    The prefix matters: the SDK repacks a model with its script into the default bucket, and an
    execution role commonly reads ``models/*`` alone.
    """
    return (
        "SchemaVersion: '1.0'\n"
        "SageMaker:\n"
        "  PythonSDK:\n"
        "    Modules:\n"
        "      TelemetryOptOut: true\n"
        "      Session:\n"
        f"        DefaultS3Bucket: {bucket}\n"
        "        DefaultS3ObjectKeyPrefix: models\n"
    )
