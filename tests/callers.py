"""boto3 and both AWS CLIs under one name: an operation's parameters in, its answer out.

The CLIs are given the parameters as one document (``--cli-input-json``), so that all three send the
same request; how they write command lines is what the pages of docs/how-to try.
"""

import contextlib
import json
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from botocore.exceptions import ClientError

from aws_cli import CLIENTS, PROGRAM, Said
from running import Running

CLI_2 = CLIENTS.parents[1] / "cli2/bin/aws"
_ERROR = re.compile(
    r"An error occurred \((\w+)\) when calling the \w+ operation[^:]*: (.*)", re.DOTALL
)

Answer: TypeAlias = dict[str, Any]


class RefusedError(Exception):
    """An operation was answered with an error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Caller(Protocol):
    """A client, by the name of who it is."""

    name: str

    def __call__(self, service: str, operation: str, **params: Any) -> Answer:
        """Call an operation (``put_metric_data``); a RefusedError where it is an error."""
        ...

    def invoke(self, endpoint: str, body: str) -> str:
        """InvokeEndpoint with a body of text; what was answered."""
        ...


class Boto3:
    """boto3 in this process."""

    name = "boto3"

    def __init__(self, server: Running) -> None:
        self._server = server

    def __call__(self, service: str, operation: str, **params: Any) -> Answer:
        try:
            answer: Answer = getattr(self._server.client(service), operation)(**params)
        except ClientError as error:
            raise _refused(error) from None
        return answer

    def invoke(self, endpoint: str, body: str) -> str:
        answer = self(
            "sagemaker-runtime",
            "invoke_endpoint",
            EndpointName=endpoint,
            Body=body,
            ContentType="text/plain",
        )
        return str(answer["Body"].read().decode())


def _refused(error: ClientError) -> RefusedError:
    told = error.response["Error"]
    return RefusedError(told["Code"], told["Message"])


class _Cli:
    """A command line; ``run`` says how it is run, in a folder."""

    name: str

    def __init__(self, server: Running, folder: Path) -> None:
        self.folder = folder
        # A retry would hide that a call was refused.
        self.environment = {**server.environment(), "AWS_MAX_ATTEMPTS": "1", "AWS_PAGER": ""}

    def run(self, words: Sequence[str]) -> Said:
        raise NotImplementedError

    def __call__(self, service: str, operation: str, **params: Any) -> Answer:
        words = [service, operation.replace("_", "-"), "--output", "json"]
        if params:
            words += ["--cli-input-json", json.dumps(params)]
        said = _succeeded(self.run(words))
        return dict(said.document) if said.out.strip() else {}

    def invoke(self, endpoint: str, body: str) -> str:
        with tempfile.TemporaryDirectory() as folder:
            sent, got = Path(folder, "in"), Path(folder, "out")
            sent.write_text(body)
            words = ["sagemaker-runtime", "invoke-endpoint", "--endpoint-name", endpoint]
            words += ["--content-type", "text/plain", "--body", f"fileb://{sent}", str(got)]
            _succeeded(self.run(words))
            return got.read_text()


def _succeeded(said: Said) -> Said:
    if said.status == 0:
        return said
    told = _ERROR.search(said.err)
    assert told is not None, said
    raise RefusedError(told[1], told[2].strip())


class Cli1(_Cli):
    """AWS CLI v1: one interpreter for all its command lines."""

    name = "cli1"

    def __init__(self, server: Running, folder: Path) -> None:
        super().__init__(server, folder)
        self._driver = subprocess.Popen(
            PROGRAM,
            cwd=folder,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, words: Sequence[str]) -> Said:
        assert self._driver.stdin is not None
        assert self._driver.stdout is not None
        self._driver.stdin.write(json.dumps(list(words)) + "\n")
        self._driver.stdin.flush()
        return Said(**json.loads(self._driver.stdout.readline()))

    def close(self) -> None:
        self._driver.communicate(timeout=30)


class Cli2(_Cli):
    """AWS CLI v2: a process for each command line."""

    name = "cli2"

    def run(self, words: Sequence[str]) -> Said:
        done = subprocess.run(
            [str(CLI_2), *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return Said(done.returncode, done.stdout, done.stderr)


@contextlib.contextmanager
def caller(name: str, server: Running, folder: Path) -> Iterator[Caller]:
    """One of the three, as root."""
    match name:
        case "boto3":
            yield Boto3(server)
        case "cli1":
            with contextlib.closing(Cli1(server, folder)) as made:
                yield made
        case _:
            yield Cli2(server, folder)
