"""The team's page, block by block, with the clients it was written for, unpatched.

Every block of ``examples/sagemaker.md`` that is code runs in its own client's environment, as the
deployer that `hostler bootstrap` makes, by one of the ways in. The cells are printed at the end of
the run, and an empty one fails it; `make conformance` runs every client by every way.
"""

import json
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import blocks
import pytest

from client_matrix import BY_KEY, Mode, environment, standing
from hostler.backends.process.environments import Environment, Environments
from hostler.backends.process.runtimes import Runtimes
from hostler.cli.keyring import KeyRing
from hostler.toolkit import deploy, iris, policies
from hostler.toolkit.connection import Connection
from hostler.toolkit.naming import Project
from running import ACCOUNT, BUCKET, COMPANY, PREFIX, PROJECT, REGION, TEAM, Running, hostler

ROOT = Path(__file__).parents[2]
MATRIX = ROOT / ".cache/matrix.json"
EXAMPLES = ROOT / "examples"
OWNER = Project(COMPANY, TEAM, PROJECT)

LOCALLY = """
import json, sys
from inference import model_fn, predict_fn
print(json.dumps(predict_fn(json.loads(sys.argv[2]), model_fn(sys.argv[1])).tolist()))
"""

Cell = tuple[str, str, Mode]
"""A client's key, a block of the page, and the way in."""
CELLS: set[Cell] = {
    ("sdk2", "§4.1 python", Mode.ENV),
    ("sdk2", "§4.2 python", Mode.INTERCEPT),
    ("boto3", "§5 python", Mode.PROFILE),
    ("cli1", "§5 bash", Mode.INTERCEPT),
    ("cli2", "§5 bash", Mode.ENV),
    ("boto3", "§6 python", Mode.ENV),
    ("sdk2", "§7.1 python", Mode.ENV),
    ("cli2", "§7.3 bash", Mode.PROFILE),
    ("cli1", "§9 bash", Mode.ENV),
}


def _values(model: str) -> dict[str, str]:
    return blocks.placeholders(
        company=COMPANY, account=ACCOUNT, region=REGION, team=TEAM, project=PROJECT, model=model
    )


@pytest.fixture(scope="module")
def frameworks() -> dict[str, Environment]:
    import asyncio

    async def build() -> dict[str, Environment]:
        environments = Environments()
        runtimes = Runtimes.shipped()
        return {
            name: await environments.ensure(runtimes.named(name))
            for name in ("scikit-learn", "pytorch")
        }

    return asyncio.run(build())


@pytest.fixture(scope="module")
def server(frameworks: dict[str, Environment]) -> Iterator[Running]:
    MATRIX.unlink(missing_ok=True)
    with hostler() as running:
        yield running


@pytest.fixture(scope="module")
def deployed(
    server: Running, frameworks: dict[str, Environment], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """§4.1, §4.2 and §7.1 run at once (the SDK sleeps half a minute in each): their outputs."""
    folder = tmp_path_factory.mktemp("models")
    upload = server.client("s3", "deployer").upload_file
    archive, _accuracy = iris.train(frameworks["scikit-learn"].python, folder)
    upload(str(archive), BUCKET, OWNER.artifact_key("fraud"))
    (folder / "net").mkdir()
    python = str(frameworks["pytorch"].python)
    subprocess.run([python, str(EXAMPLES / "pytorch/train.py"), folder / "net"], check=True)
    upload(str(folder / "net/model.tar.gz"), BUCKET, OWNER.artifact_key("net"))

    def sdk(section: str, model: str, mode: Mode) -> str:
        cell = ("sdk2", f"§{section} python", mode)
        return _run(server, cell, model, EXAMPLES / "pytorch")

    ways = {
        "4.1": ("fraud", Mode.ENV),
        "4.2": ("net", Mode.INTERCEPT),
        "7.1": ("fraud", Mode.ENV),
    }
    with ThreadPoolExecutor(len(ways)) as pool:
        running = {section: pool.submit(sdk, section, *way) for section, way in ways.items()}
        return {section: each.result() for section, each in running.items()}


def _run(server: Running, cell: Cell, model: str, cwd: Path) -> str:
    """Run a block as the deployer; its exit status is its cell of the matrix."""
    key, name, mode = cell
    section, language = name.removeprefix("§").split()
    client = BY_KEY[key]
    code = standing(blocks.block(section, language), own=True).filled(_values(model))
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            client.words(code),
            cwd=cwd,
            env=environment(server, client, mode, "deployer", Path(home)),
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
    assert done.returncode == 0, f"{cell}\n{done.stdout}\n{done.stderr}\n{server.process_logs()}"
    _fill(cell)
    return done.stdout


def _fill(cell: Cell) -> None:
    assert cell in CELLS
    filled = json.loads(MATRIX.read_text()) if MATRIX.exists() else []
    MATRIX.parent.mkdir(exist_ok=True)
    MATRIX.write_text(json.dumps([*filled, list(cell)]))


def test_4_1_deploys_a_model_with_the_sdk(server: Running, deployed: dict[str, str]) -> None:
    endpoint = server.client("sagemaker").describe_endpoint(EndpointName=f"{PREFIX}fraud-ep")
    assert endpoint["EndpointStatus"] == "InService", deployed
    (variant,) = endpoint["ProductionVariants"]
    assert (variant["VariantName"], variant["CurrentInstanceCount"]) == ("AllTraffic", 1)
    tags = server.client("sagemaker").list_tags(ResourceArn=endpoint["EndpointArn"])["Tags"]
    assert {"Key": "Team", "Value": TEAM} in tags
    model = server.client("sagemaker").describe_model(ModelName=f"{PREFIX}fraud-v1")
    assert model["VpcConfig"]["SecurityGroupIds"] == ["sg-sagemaker-studio"]


def test_4_2_deploys_a_network_with_its_own_script(
    server: Running, deployed: dict[str, str], frameworks: dict[str, Environment], tmp_path: Path
) -> None:
    rows = [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]
    runtime = server.client("sagemaker-runtime", "caller")
    answer = runtime.invoke_endpoint(
        EndpointName=f"{PREFIX}pytorch-ep",
        ContentType="application/json",
        Body=json.dumps({"features": rows}),
    )
    served = json.loads(answer["Body"].read())
    local = subprocess.run(
        [
            str(frameworks["pytorch"].python),
            "-c",
            LOCALLY,
            str(_weights(server, tmp_path)),
            json.dumps(rows),
        ],
        cwd=EXAMPLES / "pytorch",
        capture_output=True,
        text=True,
        check=True,
    )
    expected = json.loads(local.stdout)
    for one, other in zip(served, expected, strict=True):
        assert one == pytest.approx(other, rel=1e-5), deployed


def _weights(server: Running, folder: Path) -> Path:
    key = OWNER.artifact_key("net")
    server.client("s3", "deployer").download_file(BUCKET, key, str(folder / "model.tar.gz"))
    subprocess.run(["tar", "-xzf", "model.tar.gz"], cwd=folder, check=True)
    return folder


def test_5_calls_it_with_boto3(server: Running, deployed: dict[str, str], tmp_path: Path) -> None:
    said = _run(server, ("boto3", "§5 python", Mode.PROFILE), "fraud", tmp_path)
    assert json.loads(said) in ([0], [1], [2]), deployed


@pytest.mark.parametrize(("key", "mode"), [("cli1", Mode.INTERCEPT), ("cli2", Mode.ENV)])
def test_5_calls_it_with_the_cli(
    server: Running, deployed: dict[str, str], tmp_path: Path, key: str, mode: Mode
) -> None:
    said = _run(server, (key, "§5 bash", mode), "fraud", tmp_path)
    written = json.loads((tmp_path / "output.json").read_text())
    assert written in ([0], [1], [2]), deployed
    assert '"InvokedProductionVariant": "AllTraffic"' in said


def test_6_sets_auto_scaling_up_with_boto3(
    server: Running, deployed: dict[str, str], tmp_path: Path
) -> None:
    _run(server, ("boto3", "§6 python", Mode.ENV), "fraud", tmp_path)
    policies = server.client("application-autoscaling").describe_scaling_policies(
        ServiceNamespace="sagemaker", PolicyNames=[f"{PREFIX}scaling-policy"]
    )["ScalingPolicies"]
    assert len(policies[0]["Alarms"]) == 2, deployed
    said = server.run("scaling", "explain", f"{PREFIX}fraud-ep", "--as", "deployer").stdout
    assert "between 1 and 4" in said
    assert "target 70" in said


def test_7_1_deploys_a_serverless_endpoint_with_the_sdk(
    server: Running, deployed: dict[str, str]
) -> None:
    name = f"{PREFIX}fraud-serverless"
    (variant,) = server.client("sagemaker").describe_endpoint(EndpointName=name)[
        "ProductionVariants"
    ]
    config = {"MemorySizeInMB": 2048, "MaxConcurrency": 5}
    assert variant["CurrentServerlessConfig"] == config, deployed
    answer = server.client("sagemaker-runtime", "caller").invoke_endpoint(
        EndpointName=name,
        ContentType="application/json",
        Body=json.dumps({"features": [1.0, 2.0, 3.0, 4.0]}),
    )
    assert json.loads(answer["Body"].read()) in ([0], [1], [2])


def test_7_3_looks_for_idle_endpoints_with_the_cli(
    server: Running, deployed: dict[str, str], tmp_path: Path
) -> None:
    assert _run(server, ("cli2", "§7.3 bash", Mode.PROFILE), "fraud", tmp_path) == "", deployed


def test_9_lists_describes_and_deletes_with_the_cli(
    server: Running, deployed: dict[str, str], tmp_path: Path
) -> None:
    key = KeyRing(server.home).find("deployer")
    connection = Connection(server.url, REGION, ACCOUNT, key)
    image = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/sagemaker-inference:latest"
    role = server.client("iam").get_role(RoleName=OWNER.execution_role)["Role"]["Arn"]
    plan = deploy.Plan(OWNER, "churn", image, role)
    url = f"s3://{BUCKET}/{OWNER.artifact_key('fraud')}"
    deploy.wait(connection, deploy.create(connection, plan, url), 60)
    said = _run(server, ("cli1", "§9 bash", Mode.ENV), "churn", tmp_path)
    assert f'"EndpointName": "{PREFIX}churn-ep"' in said, deployed
    assert '"EndpointStatus": "InService"' in said
    client = server.client("sagemaker")
    names = [each["ModelName"] for each in client.list_models(NameContains="churn")["Models"]]
    assert names == []
    waiter = client.get_waiter("endpoint_deleted")
    waiter.wait(EndpointName=f"{PREFIX}churn-ep", WaiterConfig={"Delay": 1, "MaxAttempts": 30})


def test_no_cell_of_the_matrix_is_empty(deployed: dict[str, str]) -> None:
    filled = {(key, name, Mode(mode)) for key, name, mode in json.loads(MATRIX.read_text())}
    assert filled == CELLS, deployed


@pytest.mark.parametrize(
    ("section", "document"),
    [
        ("2.2", policies.execution(OWNER, ACCOUNT, REGION)),
        ("2.3", policies.deployer(OWNER, ACCOUNT, REGION)),
    ],
)
def test_2_the_policies_are_the_pages_own(section: str, document: policies.Document) -> None:
    assert json.loads(blocks.block(section, "json").filled(_values("fraud"))) == document


def test_2_4_the_callers_statement_is_the_pages_own() -> None:
    (statement,) = policies.caller(OWNER, ACCOUNT, REGION)["Statement"]
    assert json.loads(blocks.block("2.4", "json").filled(_values("fraud"))) == statement
