"""The clients of the page on everything else they do with an endpoint: boto3, CLI v1, the SDKs.

Unpatched clients as separate programs, side by side; the CLI's command lines run in one
interpreter (``clients/many_aws.py``), because starting each would be most of the time.
"""

import json
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from archives import ECHO, script
from aws_cli import CLIENTS, aws, failed
from deploying import create_config, create_model, deploy, put, settled
from frameworks import framework_python
from hostler.toolkit import iris
from running import (
    ACCOUNT,
    BUCKET,
    GENERIC_IMAGE,
    PREFIX,
    REGION,
    ROLE,
    Running,
    eventually,
    hostler,
)

HERE = Path(__file__).parent / "clients"
SDK_3 = CLIENTS.parents[1] / "sdk3/bin"
ROWS = [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]
SLOWLY = "import time\ndef model_fn(model_dir):\n    time.sleep(3)\n" + ECHO.replace(
    "def model_fn", "def unused"
)
SERVE = """
import os, joblib, extra

def model_fn(model_dir):
    (name,) = [each for each in os.listdir(model_dir) if each.endswith(".joblib")]
    return joblib.load(os.path.join(model_dir, name))

def predict_fn(data, model):
    return extra.shifted(model.predict(data))
"""
CLEAN_UP = """
ENDPOINTS=$(aws sagemaker list-endpoints \\
  --status-equals InService \\
  --query 'Endpoints[?contains(EndpointName, `-dev-`)].EndpointName' \\
  --output text)

for ep in $ENDPOINTS; do
  LAST_MODIFIED=$(aws sagemaker describe-endpoint \\
    --endpoint-name $ep \\
    --query 'LastModifiedTime' --output text)
  echo $ep $LAST_MODIFIED
done
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with hostler() as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def sdk(
    server: Running, iris_archive: bytes, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, "subprocess.Popen[str]"]]:
    """The SDK's scripts, under way while the other clients are tried."""
    folder = tmp_path_factory.mktemp("code")
    (folder / "serve.py").write_text(SERVE)
    (folder / "extra.py").write_text("def shifted(answer):\n    return answer + 10\n")
    # Trained with the version that the image of framework_version="1.2-1" has, as its users' are.
    old, _accuracy = iris.train(framework_python("scikit-learn-1.2"), tmp_path_factory.mktemp("m"))
    uri = put(server, "apart", old.read_bytes())
    role = ROLE.rpartition("/")[2]
    endpoint = deploy(server, "pred", iris_archive)
    data = put(server, "three", iris_archive)
    started = {
        "sklearn": _sdk(server, "sdk_sklearn.py", uri, role, f"{PREFIX}apart", str(folder)),
        "predictors": _sdk(server, "sdk_predictors.py", endpoint),
        "builder": _sdk(
            server, "sdk3_builder.py", data, ROLE, GENERIC_IMAGE, f"{PREFIX}three", venv=SDK_3
        ),
    }
    yield started
    for process in started.values():
        process.kill()
        process.communicate()


def _sdk(server: Running, name: str, *words: str, venv: Path = CLIENTS) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [str(venv / "python"), str(HERE / name), *words],
        env=server.environment("deployer") | {"SAGEMAKER_SUPPRESS_V2_WARNING": "1"},
        cwd="/",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _told(server: Running, process: "subprocess.Popen[str]") -> dict[str, Any]:
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, out + err + server.process_logs()
    answer: dict[str, Any] = json.loads(out.splitlines()[-1])
    return answer


def test_cli_manages_objects(server: Running, tmp_path: Path) -> None:
    for name, text in (("a.txt", "one\n"), ("c.json", "{}"), ("sub/b.txt", "two\n")):
        (tmp_path / "d" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "d" / name).write_text(text)
    bucket = "s3://clients-scratch"
    said = aws(
        server,
        tmp_path,
        {
            "mb": f"s3 mb {bucket}",
            "buckets": "s3 ls",
            "cp": f"s3 cp d/a.txt {bucket}/x/a.txt --metadata owner=rc",
            "head": "s3api head-object --bucket clients-scratch --key x/a.txt",
            "sync": f"s3 sync d {bucket}/d --no-progress",
            "again": f"s3 sync d {bucket}/d",
            "ls": f"s3 ls {bucket} --recursive --summarize",
            "folders": f"s3 ls {bucket}/d/",
            "cat": f"s3 cp {bucket}/d/sub/b.txt -",
            "copy": f"s3 cp {bucket}/d/a.txt {bucket}/y/a.txt",
            "mv": f"s3 mv {bucket}/d/a.txt {bucket}/d/z.txt",
            "delete": f"s3 sync d {bucket}/d --delete --exclude c.json",
            "rm": f"s3 rm {bucket}/x --recursive",
            "presign": f"s3 presign {bucket}/y/a.txt --expires-in 60",
            "full": f"s3 rb {bucket}",
            "get": f"s3 sync {bucket} back --no-progress",
        },
    )
    failed(said, "full")
    assert "clients-scratch" in said["buckets"].out
    assert said["head"].document["Metadata"] == {"owner": "rc"}
    assert said["sync"].out.count("upload: ") == 3
    assert said["again"].out == ""
    assert "Total Objects: 4" in said["ls"].out
    assert "PRE sub/" in said["folders"].out
    assert said["cat"].out == "two\n"
    assert "d/z.txt" in said["delete"].out
    assert "BucketNotEmpty" in said["full"].err
    with urllib.request.urlopen(said["presign"].out.strip()) as answer:
        assert answer.read() == b"one\n"
    assert (tmp_path / "back/d/sub/b.txt").read_text() == "two\n"
    gone = aws(
        server,
        tmp_path,
        {"rb": f"s3 rb {bucket} --force", "ls": f"s3 ls {bucket}"},
    )
    failed(gone, "ls")
    assert "NoSuchBucket" in gone["ls"].err


def test_cli_manages_identities(server: Running, tmp_path: Path) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}}
    reads = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    for name, statement in (("trust", {**trust, "Action": "sts:AssumeRole"}), ("reads", reads)):
        document = {"Version": "2012-10-17", "Statement": [statement]}
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
    policy = f"arn:aws:iam::{ACCOUNT}:policy/clients"
    role = "--role-name clients"
    said = aws(
        server,
        tmp_path,
        {
            "whoami": "sts get-caller-identity --query Arn --output text",
            "create": f"iam create-role {role} --assume-role-policy-document file://trust.json "
            "--tags Key=Team,Value=rc",
            "inline": f"iam put-role-policy {role} --policy-name p --policy-document "
            "file://reads.json",
            "policy": "iam create-policy --policy-name clients --policy-document file://reads.json",
            "attach": f"iam attach-role-policy {role} --policy-arn {policy}",
            "attached": f"iam list-attached-role-policies {role} --output table",
            "may": f"iam simulate-principal-policy --policy-source-arn "
            f"arn:aws:iam::{ACCOUNT}:role/clients --action-names s3:GetObject s3:PutObject "
            "--query EvaluationResults[].EvalDecision --output text",
            "tags": f"iam list-role-tags {role} --query Tags[].Value --output text",
            "roles": "iam list-roles --query Roles[].RoleName --output text --page-size 1",
            "detach": f"iam detach-role-policy {role} --policy-arn {policy}",
            "unpolicy": f"iam delete-policy --policy-arn {policy}",
            "uninline": f"iam delete-role-policy {role} --policy-name p",
            "delete": f"iam delete-role {role}",
            "gone": f"iam get-role {role}",
        },
    )
    failed(said, "gone")
    assert said["whoami"].out.strip() == f"arn:aws:iam::{ACCOUNT}:root"
    assert said["create"].document["Role"]["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/clients"
    assert policy in said["attached"].out
    assert said["may"].words == ["allowed", "implicitDeny"]
    assert said["tags"].words == ["rc"]
    assert {"clients", ROLE.rpartition("/")[2]} <= set(said["roles"].words)
    assert "(NoSuchEntity)" in said["gone"].err


def test_cli_writes_and_reads_metrics(server: Running, tmp_path: Path) -> None:
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    span = (
        f"--start-time {(now - timedelta(hours=1)).isoformat()} "
        f"--end-time {(now + timedelta(hours=1)).isoformat()}"
    )
    metric = {"Namespace": "Acme", "MetricName": "Orders"}
    queries: list[dict[str, Any]] = [
        {"Id": "m1", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}},
        {"Id": "e1", "Expression": "m1*2", "Label": "twice"},
    ]
    (tmp_path / "queries.json").write_text(json.dumps(queries))
    orders = "--namespace Acme --metric-name Orders"
    said = aws(
        server,
        tmp_path,
        {
            "put": f"cloudwatch put-metric-data {orders} --value 3 --unit Count "
            f"--timestamp {now.isoformat()}",
            "wrong": f"cloudwatch put-metric-data {orders} --value NaN",
            "list": "cloudwatch list-metrics --namespace Acme",
            "statistics": f"cloudwatch get-metric-statistics {orders} --period 60 "
            f"--statistics Sum Average {span}",
            "data": f"cloudwatch get-metric-data --metric-data-queries file://queries.json {span}",
            "absent": "cloudwatch list-dashboards",
        },
    )
    failed(said, "wrong", "absent")
    assert "The value NaN for parameter MetricData.member.1.Value is invalid." in said["wrong"].err
    assert said["list"].document["Metrics"] == [{**metric, "Dimensions": []}]
    (point,) = said["statistics"].document["Datapoints"]
    assert (point["Sum"], point["Average"], point["Unit"]) == (3.0, 3.0, "Count")
    one, twice = said["data"].document["MetricDataResults"]
    assert (one["Values"], twice["Values"], twice["Label"]) == ([3.0], [6.0], "twice")


def test_cli_manages_an_endpoint_and_reads_its_log(
    server: Running, iris_archive: bytes, tmp_path: Path
) -> None:
    uri = put(server, "cli", iris_archive)
    group = f"--log-group-name /aws/sagemaker/Endpoints/{PREFIX}cli-ep"
    named = f"--endpoint-name {PREFIX}cli-ep"
    first = aws(
        server,
        tmp_path,
        {
            "model": f"sagemaker create-model --model-name {PREFIX}cli-v1 --execution-role-arn "
            f"{ROLE} --primary-container Image={GENERIC_IMAGE},ModelDataUrl={uri} "
            "--tags Key=Team,Value=rc",
            "config": f"sagemaker create-endpoint-config --endpoint-config-name {PREFIX}cli-config "
            f"--production-variants VariantName=AllTraffic,ModelName={PREFIX}cli-v1,"
            "InstanceType=ml.t2.medium,InitialInstanceCount=1",
            "create": f"sagemaker create-endpoint {named} --endpoint-config-name "
            f"{PREFIX}cli-config",
            "twice": f"sagemaker create-endpoint {named} --endpoint-config-name {PREFIX}cli-config",
            "models": "sagemaker list-models --name-contains cli --query Models[].ModelName "
            "--output text",
            "configs": "sagemaker list-endpoint-configs --page-size 1 --output text "
            "--query EndpointConfigs[].EndpointConfigName",
            "tags": f"sagemaker list-tags --output text --resource-arn "
            f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model/{PREFIX}cli-v1",
        },
    )
    failed(first, "twice")
    assert "(ValidationException)" in first["twice"].err
    assert "Cannot create already existing endpoint" in first["twice"].err
    assert first["models"].words == [f"{PREFIX}cli-v1"]
    assert f"{PREFIX}cli-config" in first["configs"].words
    assert first["tags"].words == ["TAGS", "Team", "rc"]
    settled(server, f"{PREFIX}cli-ep")
    eventually("its log", lambda: _streams(server, f"{PREFIX}cli-ep"))
    (stream,) = _streams(server, f"{PREFIX}cli-ep")
    said = aws(
        server,
        tmp_path,
        {
            "wait": f"sagemaker wait endpoint-in-service {named}",
            "invoke": f"sagemaker-runtime invoke-endpoint {named} --content-type text/csv "
            "--body 5.1,3.5,1.4,0.2 out.json",
            "streams": f"logs describe-log-streams {group} --query logStreams[].logStreamName "
            "--output text",
            "filter": f"logs filter-log-events {group} --query events[].message --output text",
            "get": f"logs get-log-events {group} --log-stream-name {stream} --start-from-head "
            "--query events[0].message",
            "update": f"sagemaker update-endpoint {named} --endpoint-config-name "
            f"{PREFIX}cli-config",
            "status": f"sagemaker describe-endpoint {named} --query EndpointStatus --output text",
        },
    )
    failed(said)
    assert json.loads((tmp_path / "out.json").read_text()) == [0]
    assert said["streams"].words == [stream]
    assert "scikit-learn runtime" in said["filter"].out
    assert "scikit-learn runtime" in said["get"].document
    assert said["status"].out.strip() in ("Updating", "InService")
    settled(server, f"{PREFIX}cli-ep")
    gone = aws(
        server,
        tmp_path,
        {
            "endpoint": f"sagemaker delete-endpoint {named}",
            "config": f"sagemaker delete-endpoint-config --endpoint-config-name {PREFIX}cli-config",
            "model": f"sagemaker delete-model --model-name {PREFIX}cli-v1",
            "none": f"sagemaker describe-model --model-name {PREFIX}cli-v1",
            "unknown": "sagemaker list-training-jobs",
        },
    )
    failed(gone, "none", "unknown")
    assert f'Could not find model "arn:aws:sagemaker:{REGION}:' in gone["none"].err
    assert "(UnknownOperationException)" in gone["unknown"].err


def _streams(server: Running, endpoint: str) -> list[str]:
    try:
        found = server.client("logs").describe_log_streams(
            logGroupName=f"/aws/sagemaker/Endpoints/{endpoint}"
        )
    except ClientError:
        return []
    return [each["logStreamName"] for each in found["logStreams"]]


def test_cli_runs_the_pages_clean_up(server: Running) -> None:
    endpoint = deploy(server, "idle-dev-old", script(ECHO))
    environment = server.environment("deployer")
    environment["PATH"] = f"{CLIENTS}:{environment['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", CLEAN_UP],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    name, modified = done.stdout.split()
    assert name == endpoint
    assert abs(float(modified) - time.time()) < 300


def test_a_model_is_unpacked_before_an_endpoint_asks_for_it(server: Running) -> None:
    name = create_model(server, "early", script(ECHO, **{"code/early.py": ""}))
    early = server.home / "models"
    eventually("its folder", lambda: any(early.glob("*/code/early.py")))
    server.client("sagemaker").delete_model(ModelName=name)


def test_boto3_describes_every_state_of_an_endpoint(server: Running) -> None:
    client = server.client("sagemaker")
    config = create_config(server, "slow", create_model(server, "slow", script(SLOWLY)))
    endpoint = f"{PREFIX}slow-ep"
    client.create_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    coming = _described(client, endpoint)
    assert coming.pop("PendingDeploymentSummary")["EndpointConfigName"] == config
    assert coming.pop("EndpointStatus") == "Creating"
    (variant,) = coming.pop("ProductionVariants", [{"VariantStatus": [{"Status": "Creating"}]}])
    assert variant["VariantStatus"][0]["Status"] == "Creating"
    always = {"EndpointName", "EndpointArn", "EndpointConfigName", "CreationTime"}
    assert coming.keys() == always | {"LastModifiedTime"}
    client.get_waiter("endpoint_in_service").wait(
        EndpointName=endpoint, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    there = _described(client, endpoint)
    assert there.keys() == always | {"LastModifiedTime", "EndpointStatus", "ProductionVariants"}
    assert there["EndpointArn"] == f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/{endpoint}"
    assert there["CreationTime"] <= there["LastModifiedTime"] <= datetime.now(UTC)
    (variant,) = there["ProductionVariants"]
    (image,) = variant.pop("DeployedImages")
    assert image["SpecifiedImage"] == GENERIC_IMAGE
    assert image["ResolvedImage"].startswith(f"{GENERIC_IMAGE.partition(':')[0]}@sha256:")
    assert image["ResolutionTime"] <= datetime.now(UTC)
    assert variant == {
        "VariantName": "AllTraffic",
        "CurrentWeight": 1.0,
        "DesiredWeight": 1.0,
        "CurrentInstanceCount": 1,
        "DesiredInstanceCount": 1,
    }
    client.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    changing = _described(client, endpoint)
    assert changing["EndpointStatus"] == "Updating"
    assert changing["PendingDeploymentSummary"]["StartTime"] >= there["LastModifiedTime"]
    assert changing["ProductionVariants"][0]["CurrentInstanceCount"] == 1
    with pytest.raises(client.exceptions.ClientError, match="Cannot update in-progress endpoint"):
        client.delete_endpoint(EndpointName=endpoint)
    settled(server, endpoint)
    client.delete_endpoint(EndpointName=endpoint)
    client.get_waiter("endpoint_deleted").wait(
        EndpointName=endpoint, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )


def _described(client: Any, endpoint: str) -> dict[str, Any]:
    answer: dict[str, Any] = client.describe_endpoint(EndpointName=endpoint)
    del answer["ResponseMetadata"]
    return answer


def test_boto3_waits_for_an_endpoint_that_fails(server: Running) -> None:
    client = server.client("sagemaker")
    config = create_config(server, "bad", create_model(server, "bad", script("import nobody\n")))
    client.create_endpoint(EndpointName=f"{PREFIX}bad-ep", EndpointConfigName=config)
    with pytest.raises(WaiterError) as caught:
        client.get_waiter("endpoint_in_service").wait(
            EndpointName=f"{PREFIX}bad-ep", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )
    assert caught.value.last_response["EndpointStatus"] == "Failed"
    assert "nobody" in caught.value.last_response["FailureReason"]
    with pytest.raises(client.exceptions.ClientError, match="Cannot update"):
        client.update_endpoint(EndpointName=f"{PREFIX}bad-ep", EndpointConfigName=config)
    client.delete_endpoint(EndpointName=f"{PREFIX}bad-ep")


def test_boto3_has_a_class_for_each_error(server: Running) -> None:
    runtime = server.client("sagemaker-runtime")
    with pytest.raises(runtime.exceptions.ValidationError) as caught:
        runtime.invoke_endpoint(EndpointName=f"{PREFIX}nobody", Body=b"1")
    text = f"Endpoint {PREFIX}nobody of account {ACCOUNT} not found."
    assert caught.value.response["Error"]["Message"] == text
    raises = deploy(server, "raises", script(ECHO))
    with pytest.raises(runtime.exceptions.ModelError) as failed_:
        runtime.invoke_endpoint(EndpointName=raises, Body=b"no json", ContentType="text/plain")
    assert failed_.value.response["OriginalStatusCode"] == 500
    assert failed_.value.response["ResponseMetadata"]["RetryAttempts"] == 0
    s3, iam, logs = (server.client(name) for name in ("s3", "iam", "logs"))
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=BUCKET, Key="models/nobody")
    with pytest.raises(s3.exceptions.NoSuchBucket):
        s3.list_objects_v2(Bucket="nobody-has-this-bucket")
    with pytest.raises(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName="nobody")
    with pytest.raises(iam.exceptions.EntityAlreadyExistsException):
        iam.create_user(UserName="rc-project-a-caller")
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.describe_log_streams(logGroupName="/aws/sagemaker/Endpoints/nobody")
    caller = server.client("sagemaker", "caller")
    with pytest.raises(caller.exceptions.ClientError) as denied:
        caller.describe_endpoint(EndpointName=raises)
    assert denied.value.response["Error"]["Code"] == "AccessDeniedException"
    assert "is not authorized to perform: sagemaker:DescribeEndpoint" in str(denied.value)


def test_boto3_pages_through_every_list(server: Running) -> None:
    client = server.client("sagemaker")
    names = [f"{PREFIX}page-{number}-v1" for number in range(5)]
    content = script(ECHO)
    for number in range(5):
        create_model(server, f"page-{number}", content)

    def listed(**options: Any) -> list[str]:
        pages = client.get_paginator("list_models").paginate(
            NameContains="page-", PaginationConfig={"PageSize": 2}, **options
        )
        return [each["ModelName"] for page in pages for each in page["Models"]]

    assert listed() == names[::-1]
    assert listed(SortBy="Name", SortOrder="Ascending") == names
    arn = client.describe_model(ModelName=names[0])["ModelArn"]
    client.add_tags(
        ResourceArn=arn, Tags=[{"Key": f"k{number:02}", "Value": ""} for number in range(50)]
    )
    tags = client.get_paginator("list_tags").paginate(ResourceArn=arn)
    assert sum(len(page["Tags"]) for page in tags) == 50
    s3 = server.client("s3").get_paginator("list_objects_v2")
    pages = s3.paginate(Bucket=BUCKET, Prefix="models/page-", PaginationConfig={"PageSize": 2})
    assert [len(page["Contents"]) for page in pages] == [2, 2, 1]
    roles = (
        server.client("iam").get_paginator("list_users").paginate(PaginationConfig={"PageSize": 1})
    )
    assert {"rc-project-a-caller", "rc-project-a-deployer"} <= _names(roles)


def _names(pages: Sequence[Mapping[str, Any]]) -> set[str]:
    return {each["UserName"] for page in pages for each in page["Users"]}


def test_sdk_speaks_every_serializer_compares_variants_and_updates_its_endpoint(
    server: Running, sdk: Mapping[str, "subprocess.Popen[str]"]
) -> None:
    told = _told(server, sdk["predictors"])
    answers = ("json", "named", "npy", "torch", "after")
    assert [told[name] for name in answers] == [[0, 2]] * len(answers)
    assert told["csv"] == [["0"], ["2"]]
    assert told["bytes"] == [2]
    assert (told["target"], told["only"]) == ([0, 2], ["AllTraffic"])
    assert told["config"] == told["pending"]
    assert told["config"].startswith(f"{PREFIX}pred-config-")
    assert (told["status"], told["count"]) == ("InService", 2)
    client = server.client("sagemaker")
    with pytest.raises(client.exceptions.ClientError, match="Could not find"):
        client.describe_endpoint_config(EndpointConfigName=told["config"])
    with pytest.raises(client.exceptions.ClientError, match="Could not find"):
        client.describe_model(ModelName=f"{PREFIX}pred-v1")
    client.get_waiter("endpoint_deleted").wait(
        EndpointName=f"{PREFIX}pred-ep", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )


def test_sdk_serves_code_that_it_uploaded_apart_and_a_role_by_its_name(
    server: Running, sdk: Mapping[str, "subprocess.Popen[str]"]
) -> None:
    told = _told(server, sdk["sklearn"])
    assert told == {
        "type": "ndarray",
        "answer": [10, 12],
        "serverless": [10, 12],
        "config": {"MemorySizeInMB": 2048, "MaxConcurrency": 5},
    }
    model = server.client("sagemaker").describe_model(ModelName=f"{PREFIX}apart-v1")
    assert model["ExecutionRoleArn"] == ROLE
    environment = model["PrimaryContainer"]["Environment"]
    assert environment["SAGEMAKER_SUBMIT_DIRECTORY"].startswith(f"s3://{BUCKET}/models/")


def test_sdk_3_builds_describes_updates_by_a_canary_and_deletes_by_its_core_resources(
    server: Running, sdk: Mapping[str, "subprocess.Popen[str]"]
) -> None:
    told = _told(server, sdk["builder"])
    assert [told[kind] for kind in ("json", "csv", "npy", "after")] == [[0, 2]] * 4
    assert told["model"] == GENERIC_IMAGE
    assert told["unassigned"] == "Unassigned", "what is absent is left out of an answer"
    assert told["weight"] == 0.8
    assert (told["changing"], told["count"]) == ("Updating", 2)
    assert (told["canary"], told["turned"]) == (["CANARY", 1, 1], 0.5)
    assert told["config"] == f"{PREFIX}three-config-2"
    assert (told["listed"], told["left"]) == ([f"{PREFIX}three-ep"], [])
