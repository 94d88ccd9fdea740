"""Who calls (clients), what (sections of the team's page) and how they get here (modes).

A cell is one section done by one client in one mode: by the page's own block where it is written
for that client, else by the block of `examples/clients` that does the same in the client's words.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import blocks

from hostler.cli.output import connect
from hostler.toolkit.bootstrap import Result
from hostler.toolkit.naming import Project
from running import ACCOUNT, COMPANY, TEAM, Running, eventually

ROOT = Path(__file__).parents[1]
VENVS = ROOT / ".cache/clients"
EXAMPLES = ROOT / "examples"
PAGE = ROOT / "docs/reference/clients.md"
LOCKS = ROOT / "tests/conformance/clients"
MODEL = "dev-fraud"
"""With -dev- in its endpoint's name, for §7.3."""


class Mode(StrEnum):
    """How a client is pointed at Hostler."""

    ENV = "env"
    PROFILE = "profile"
    INTERCEPT = "intercept"

    @property
    def command(self) -> str:
        options = {Mode.ENV: "", Mode.PROFILE: " --profile NAME", Mode.INTERCEPT: " --intercept"}
        return f"hostler env{options[self]}"


@dataclass(frozen=True)
class Client:
    """``name`` and ``package`` (with the lock that has its version); ``page`` has its own words."""

    key: str
    name: str
    package: str
    venv: str
    page: str
    language: str = "python"

    @property
    def version(self) -> str:
        asked = (LOCKS / f"{self.venv}.in").read_text()
        if held := re.match(r"# Holds AWS CLI ([\d.]+);", asked):
            return held[1]
        text = (LOCKS / f"{self.venv}.txt").read_text()
        found = re.search(rf"^{re.escape(self.package)}==(\S+)(?: \\)?$", text, re.MULTILINE)
        assert found, f"{self.package} is not locked in {self.venv}.txt"
        return found[1]

    @property
    def bin(self) -> Path:
        return VENVS / self.venv / "bin"

    def words(self, code: str) -> list[str]:
        if self.language == "bash":
            return ["bash", "-euo", "pipefail", "-c", code]
        return [str(self.bin / "python"), "-c", code]


CLIENTS = (
    Client("boto3", "boto3", "boto3", "sdk2", "boto3.md"),
    Client("cli1", "AWS CLI v1", "awscli", "sdk2", "cli.md", "bash"),
    Client("cli2", "AWS CLI v2", "aws-cdk-asset-awscli-v2", "cli2", "cli.md", "bash"),
    Client("sdk2", "SageMaker SDK v2", "sagemaker", "sdk2", "sdk2.md"),
    Client("sdk3", "SageMaker SDK v3", "sagemaker", "sdk3", "sdk3.md"),
)
SECTIONS = {
    "4.1": "deploy",
    "4.2": "deploy PyTorch with a script",
    "5": "call",
    "6": "scale",
    "7.1": "go serverless",
    "7.3": "find idle development endpoints",
    "10.1": "A/B test",
    "10.2": "shadow",
    "10.3": "canary",
    "10.4": "linear",
    "10.5": "rolling",
    "10.6": "taken back by an alarm",
    "9": "list, describe, delete",
}
"""In the order in which a lane runs them: 9 deletes what 4.1 deployed and 10 compares with."""
WRITTEN_FOR = {
    ("4.1", "python"): {"sdk2"},
    ("4.2", "python"): {"sdk2"},
    ("5", "python"): {"boto3"},
    ("6", "python"): {"boto3"},
    ("7.1", "python"): {"sdk2"},
}
"""The page's Python blocks, by whom they are for; its command lines are for both CLIs."""
BEFORE = {
    "7.1": """from sagemaker.model import Model
model = Model(
    image_uri='{account-id}.dkr.ecr.{region}.amazonaws.com/sagemaker-inference:latest',
    model_data='s3://{company}-sm-{team}-{project}/models/artifacts/{model-name}/model.tar.gz',
    role='arn:aws:iam::{account-id}:role/SageMaker-{Team}-{Project}-ExecutionRole',
    name='{team}-{project}-{model}-serverless-v1',
)
"""
}
"""What the page's own blocks take for granted: §4.1's model, without the VPC of instances."""

REGIONS = (
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1"),
    *("eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1", "eu-north-1"),
    *("ap-southeast-1", "ap-southeast-2", "ap-northeast-1", "ap-northeast-2", "ap-south-1"),
)
"""One for each lane: clients list what is in their region, and describe all that they list."""

BY_KEY = {client.key: client for client in CLIENTS}

Cell = tuple[str, str, str]
"""Section, client's key, mode."""
CANNOT: Mapping[Cell, str] = {}
"""Cells that cannot be, by why."""
CELLS: tuple[Cell, ...] = tuple(
    (section, client.key, mode.value) for client in CLIENTS for mode in Mode for section in SECTIONS
)


def standing(block: blocks.Block, *, own: bool) -> blocks.Block:
    """A block after what it takes for granted."""
    return replace(block, text=BEFORE.get(block.section, "") + block.text) if own else block


def block_of(section: str, client: Client) -> tuple[blocks.Block, bool]:
    """The code of a cell, and whether it is the page's own."""
    for each in blocks.blocks():
        if (each.section, each.language) != (section, client.language):
            continue
        if client.language == "bash" or client.key in WRITTEN_FOR[section, each.language]:
            return each, True
    (own,) = [
        each
        for each in blocks.blocks(EXAMPLES / "clients" / client.page)
        if (each.section, each.language) == (section, client.language)
    ]
    return own, False


@dataclass(frozen=True)
class Lane:
    """One client in one mode, with a region, a project, a deployer and a folder of its own."""

    client: Client
    mode: Mode
    server: Running
    folder: Path

    @property
    def region(self) -> str:
        return REGIONS[CLIENTS.index(self.client) * len(Mode) + list(Mode).index(self.mode)]

    @property
    def project(self) -> Project:
        return Project(COMPANY, TEAM, f"{self.client.key}-{self.mode}")

    @property
    def alarm(self) -> str:
        return f"{self.project.prefix}errors"

    def root(self, service: str) -> Any:
        """A boto3 client of the lane's region that may do anything."""
        return replace(connect(self.server.home), region=self.region).client(service)

    def prepare(self, result: Result, archives: Mapping[str, bytes]) -> None:
        """What its blocks take for granted: models in the bucket, the script in the folder, and
        an alarm of those who operate them.
        """
        self.folder.mkdir()
        shutil.copy(EXAMPLES / "pytorch/inference.py", self.folder)
        s3 = self.root("s3")
        for name, content in archives.items():
            s3.put_object(Bucket=result.bucket, Key=self.project.artifact_key(name), Body=content)
        self.root("cloudwatch").put_metric_alarm(
            AlarmName=self.alarm,
            Namespace="AWS/SageMaker",
            MetricName="Invocation5XXErrors",
            Dimensions=[{"Name": "EndpointName", "Value": "nobody"}],
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=0,
            ComparisonOperator="GreaterThanThreshold",
        )

    def environment(self) -> dict[str, str]:
        user = self.project.deployer
        return environment(self.server, self.client, self.mode, user, self.folder)

    def run(self, section: str, environment: Mapping[str, str]) -> str:
        """Run a section's block, filled in; what it printed. An assertion says how it failed."""
        model = "net" if section == "4.2" else MODEL
        block, own = block_of(section, self.client)
        code = standing(block, own=own).filled(self.values(model))
        with self.alarmed() if section == "10.6" else nullcontext():
            done = subprocess.run(
                self.client.words(code),
                cwd=self.folder,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=600,
            )
        cell = f"§{section} {self.client.name} {self.mode}"
        assert done.returncode == 0, f"{cell}\n{done.stdout[-3000:]}\n{done.stderr[-5000:]}"
        return done.stdout

    @contextmanager
    def alarmed(self) -> Iterator[None]:
        """Meanwhile the alarm goes off, once a new version has traffic."""
        with ThreadPoolExecutor(1) as pool:
            going_off = pool.submit(self._go_off)
            yield
            going_off.result()

    def _go_off(self) -> None:
        client, endpoint = self.root("sagemaker"), f"{self.project.prefix}careful-ep"

        def bakes() -> bool:
            described = client.describe_endpoint(EndpointName=endpoint)
            return '"Baking"' in json.dumps(described, default=str)

        eventually("the canary is watched", bakes, 120.0, 0.5)
        self.root("cloudwatch").set_alarm_state(
            AlarmName=self.alarm, StateValue="ALARM", StateReason="somebody saw errors"
        )

    def values(self, model: str) -> dict[str, str]:
        project = self.project
        values: dict[str, str] = blocks.placeholders(
            company=project.company,
            account=ACCOUNT,
            region=self.region,
            team=project.team,
            project=project.project,
            model=model,
        )
        return values


def environment(
    server: Running, client: Client, mode: Mode, user: str, home: Path
) -> dict[str, str]:
    """A user's shell after the mode's command, with the client on its path."""
    ours = ("AWS_", "SAGEMAKER_", "HOSTLER_")
    own = {
        **{name: value for name, value in os.environ.items() if not name.startswith(ours)},
        "HOME": str(home),
        "PATH": f"{client.bin}:{os.environ['PATH']}",
        "SAGEMAKER_SUPPRESS_V2_WARNING": "1",
    }
    options = {
        Mode.ENV: [],
        Mode.PROFILE: ["--profile", "local"],
        Mode.INTERCEPT: ["--intercept"],
    }[mode]
    words = ["-P", "-m", "hostler.cli.main", "env", "--json", "--as", user, *options]
    said = subprocess.run(
        [sys.executable, *words, "--data-dir", str(server.home)],
        env=own,
        capture_output=True,
        text=True,
        check=True,
    )
    variables: dict[str, str] = json.loads(said.stdout)
    return own | variables


def network(python: Path, folder: Path) -> bytes:
    """The archive that §4.2 deploys, trained."""
    subprocess.run([python, EXAMPLES / "pytorch/train.py", folder], check=True)
    return (folder / "model.tar.gz").read_bytes()


def page(filled: Collection[Cell]) -> str:
    """The reference page of a run in which these cells did what they should."""
    lines = [
        "# Clients\n",
        "<!-- Written by `make conformance` from its run. -->\n",
        "What a team's [page](../../examples/sagemaker.md) does, done by unmodified clients with a",
        "real Hostler, as the deployer that `hostler bootstrap` makes. **own**: the page's own",
        "block, as it stands. **same**: the same in that client's words",
        "([boto3](../../examples/clients/boto3.md), [CLI](../../examples/clients/cli.md),",
        "[SDK v2](../../examples/clients/sdk2.md), [SDK v3](../../examples/clients/sdk3.md)).",
        "§10 is what that page leaves open.\n",
    ]
    sections = sorted(SECTIONS, key=lambda section: [int(part) for part in section.split(".")])
    titles = [f"§{section} {SECTIONS[section]}" for section in sections]
    for mode in Mode:
        lines += [f"## `{mode.command}`\n", f"| client | {' | '.join(titles)} |"]
        lines.append("|---" * (len(titles) + 1) + "|")
        for client in CLIENTS:
            cells = [_cell(section, client, mode, filled) for section in sections]
            lines.append(f"| {client.name} {client.version} | {' | '.join(cells)} |")
        lines.append("")
    lines += [f"- {' '.join(cell)}: {why}" for cell, why in CANNOT.items()]
    return "\n".join(lines).rstrip("\n") + "\n"


def _cell(section: str, client: Client, mode: Mode, filled: Collection[Cell]) -> str:
    cell = (section, client.key, mode.value)
    if cell in CANNOT:
        return "cannot be"
    if cell not in filled:
        return ""
    return "own" if block_of(section, client)[1] else "same"
