"""`hostler invoke`: one call of an endpoint, with what AWS's own answer says of it."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from hostler.cli.output import (
    As,
    AsJson,
    CommandError,
    DataDir,
    EndpointName,
    connect,
    directory,
    document,
    err,
    out,
)
from hostler.toolkit.connection import Connection

MESSAGE_MAX = 1_000


def invoke(
    endpoint: EndpointName,
    body: Annotated[
        str, typer.Option(metavar="TEXT|@FILE|-", help="The payload: text, a file, or stdin.")
    ],
    content_type: Annotated[
        str, typer.Option(metavar="TYPE", help="What the payload is.")
    ] = "application/json",
    accept: Annotated[
        str | None,
        typer.Option(
            metavar="TYPE", help="What the answer should be [default: the model's choice]."
        ),
    ] = None,
    variant: Annotated[
        str | None, typer.Option(metavar="NAME", help="This variant, whatever the weights say.")
    ] = None,
    data_dir: DataDir = None,
    who: As = None,
    as_json: AsJson = False,
) -> None:
    """Call an endpoint and print its answer."""
    connection = connect(directory(data_dir), who)
    payload = read_payload(body)
    client = connection.client("sagemaker-runtime", retries=1)
    options: dict[str, Any] = {"Accept": accept, "TargetVariant": variant}
    began = time.perf_counter()
    try:
        response = client.invoke_endpoint(
            EndpointName=endpoint,
            ContentType=content_type,
            Body=payload,
            **{name: value for name, value in options.items() if value is not None},
        )
    except client.exceptions.ModelError as error:
        raise CommandError(model_failed(endpoint, error.response)) from None
    except client.exceptions.ValidationError as error:
        raise CommandError(_not_invoked(connection, endpoint, error.response)) from None
    answer: bytes = response["Body"].read()
    took_ms = (time.perf_counter() - began) * 1000
    served = response.get("InvokedProductionVariant")
    if as_json:
        document(
            {
                "body": answer.decode(errors="backslashreplace"),
                "content_type": response["ContentType"],
                "variant": served,
                "took_ms": round(took_ms, 2),
            }
        )
        return
    _print(answer)
    err.print(f"{response['ContentType']} from {served} in {took_ms:.1f} ms", style="dim")


def _print(answer: bytes) -> None:
    """The answer as it came; on a terminal, what is no text is said instead."""
    if out.is_terminal and not is_text(answer):
        err.print(f"{len(answer)} bytes that are no text: send them to a file with >", style="dim")
        return
    newline = b"\n" if out.is_terminal and not answer.endswith(b"\n") else b""
    sys.stdout.buffer.write(answer + newline)
    sys.stdout.buffer.flush()


def is_text(answer: bytes) -> bool:
    """Whether a terminal can show an answer as it came."""
    try:
        text = answer.decode()
    except UnicodeDecodeError:
        return False
    return all(each.isprintable() or each.isspace() for each in text)


def model_failed(endpoint: str, response: Mapping[str, Any]) -> str:
    """What the model itself answered, and where its traceback is."""
    status = response.get("OriginalStatusCode", "an error")
    message = str(response.get("OriginalMessage") or response["Error"]["Message"])
    if len(message) > MESSAGE_MAX:
        message = message[:MESSAGE_MAX] + "…"
    return f"the model answered {status}: {message} (its log: `hostler logs {endpoint}`)"


def _not_invoked(connection: Connection, endpoint: str, response: Mapping[str, Any]) -> str:
    """AWS's own sentence, and what the endpoint is doing instead where that is the reason."""
    message: str = response["Error"]["Message"]
    if not is_of_no_endpoint(message):
        return message
    client = connection.client("sagemaker")
    try:
        described = client.describe_endpoint(EndpointName=endpoint)
    except client.exceptions.ClientError:
        return f"{message} `hostler status` lists what there is"
    name: str = described["EndpointName"]
    if name != endpoint:
        return f"{message} It is called {name}: a call must match the case"
    reason = described.get("FailureReason", "")
    state = f"{endpoint} is {described['EndpointStatus']}"
    return f"{message} {state}{': ' + reason if reason else ''}"


def is_of_no_endpoint(message: str) -> bool:
    """Whether no endpoint of the name serves: the others blame the request itself."""
    return message.startswith("Endpoint ") and message.endswith(" not found.")


def read_payload(body: str) -> bytes:
    """The bytes that ``--body`` means: its text, a file, or standard input."""
    if body == "-":
        return sys.stdin.buffer.read()
    if body.startswith("@"):
        try:
            return Path(body[1:]).read_bytes()
        except OSError as error:
            raise CommandError(f"--body {body}: {error.strerror}") from None
    return body.encode()
