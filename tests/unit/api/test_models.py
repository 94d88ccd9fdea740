"""CreateModel, DescribeModel, ListModels, DeleteModel, from boto3 and back."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from hostler.domain.ids import Arn
from hostler.domain.instance import FailureCause
from hostler.domain.model import Compression, DataType, ModelData
from hostler.store import preparations

ROLE = "arn:aws:iam::123456789012:role/SageMaker-Rc-Project-a-ExecutionRole"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sagemaker-inference:latest"
DATA = "s3://acme-sm-rc-project-a/models/artifacts/fraud/model.tar.gz"
ARN = "arn:aws:sagemaker:us-east-1:123456789012:model/rc-fraud-v1"


def request(**changes: Any) -> dict[str, Any]:
    made = {
        "ModelName": "rc-Fraud-v1",
        "PrimaryContainer": {"Image": IMAGE, "ModelDataUrl": DATA, "Environment": {}},
        "ExecutionRoleArn": ROLE,
        **changes,
    }
    return {name: value for name, value in made.items() if value is not None}


def refused(call: Any, **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return error["Code"], error["Message"]


def test_a_model_is_described_as_it_was_made(sagemaker: Any) -> None:
    vpc = {"SecurityGroupIds": ["sg-sagemaker-studio"], "Subnets": ["subnet-a", "subnet-b"]}
    made = sagemaker.create_model(**request(VpcConfig=vpc, Tags=[{"Key": "Team", "Value": "rc"}]))
    assert made["ModelArn"] == ARN
    shown = sagemaker.describe_model(ModelName="RC-FRAUD-V1")
    del shown["ResponseMetadata"]
    assert shown.pop("CreationTime").timestamp() == pytest.approx(1_700_000_000, abs=60)
    assert shown == {
        "ModelName": "rc-Fraud-v1",
        "ModelArn": ARN,
        "PrimaryContainer": {
            "Image": IMAGE,
            "ModelDataUrl": DATA,
            "Environment": {},
            "Mode": "SingleModel",
        },
        "ExecutionRoleArn": ROLE,
        "VpcConfig": vpc,
        "EnableNetworkIsolation": False,
    }


def test_a_new_model_is_to_be_made_ready_before_an_endpoint_asks(
    world: Any, sagemaker: Any
) -> None:
    sagemaker.create_model(**request())
    assert world.wakes == [ARN]
    store = world.rooms.store
    wanted = store.run(lambda tx: preparations.get(tx, Arn(ARN)))
    assert (wanted.container.image, wanted.role_arn) == (IMAGE, ROLE)
    assert wanted.container.model_data == ModelData(DATA)
    sagemaker.delete_model(ModelName="rc-fraud-v1")
    assert store.run(preparations.keys) == []
    assert world.wakes == [ARN, ARN], "what was made ready is to be given up"


def test_names_are_unique_regardless_of_case(sagemaker: Any) -> None:
    sagemaker.create_model(**request())
    assert refused(sagemaker.create_model, **request(ModelName="RC-fraud-V1")) == (
        "ValidationException",
        f'Cannot create already existing model "{ARN}".',
    )


def test_a_missing_model_is_named_by_its_arn(sagemaker: Any) -> None:
    expected = ("ValidationException", f'Could not find model "{ARN}".')
    assert refused(sagemaker.describe_model, ModelName="rc-fraud-v1") == expected
    assert refused(sagemaker.delete_model, ModelName="rc-fraud-v1") == expected


def test_a_deleted_model_is_gone_and_its_name_free(sagemaker: Any) -> None:
    sagemaker.create_model(**request(Tags=[{"Key": "Team", "Value": "rc"}]))
    sagemaker.delete_model(ModelName="rc-fraud-v1")
    sagemaker.create_model(**request())
    assert sagemaker.list_tags(ResourceArn=ARN)["Tags"] == []


def test_the_role_must_exist_and_trust_sagemaker(world: Any, sagemaker: Any) -> None:
    iam = world.client("iam")
    iam.create_role(
        RoleName="other",
        AssumeRolePolicyDocument='{"Version":"2012-10-17","Statement":[{"Effect":"Allow",'
        '"Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}',
    )
    for name in ("absent", "other"):
        role = f"arn:aws:iam::123456789012:role/{name}"
        assert refused(sagemaker.create_model, **request(ExecutionRoleArn=role)) == (
            "ValidationException",
            (
                f'The execution role ARN "{role}" is invalid. Please ensure that the role exists '
                'and that its trust relationship policy allows the action "sts:AssumeRole" for '
                'the service principal "sagemaker.amazonaws.com".'
            ),
        )
    assert world.shelf.asked == []


def test_a_role_may_trust_sagemaker_as_awss_guide_advises(world: Any, sagemaker: Any) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/security-confused-deputy-prevention.html"""
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "sagemaker.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:sagemaker:us-east-1:123456789012:*"}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": trust})
    iam = world.client("iam")
    role = iam.create_role(RoleName="advised", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    sagemaker.create_model(**request(ExecutionRoleArn=role))
    assert world.shelf.asked == [(role, ModelData(DATA))]
    elsewhere = world.client("sagemaker", region="eu-west-1")
    refused(elsewhere.create_model, **request(ExecutionRoleArn=role))


def test_model_data_is_read_with_the_role(world: Any, sagemaker: Any) -> None:
    world.shelf.lacks(DATA, FailureCause.MISSING_OBJECT, "there is no such object")
    code, message = refused(sagemaker.create_model, **request())
    assert code == "ValidationException"
    assert message.startswith(f"Could not access model data at {DATA}. Please ensure that the role")
    assert ROLE in message
    assert '"s3:GetObject" permissions and that the object is located in us-east-1' in message
    assert message.endswith("(there is no such object)")
    assert world.shelf.asked == [(ROLE, ModelData(DATA))]


@pytest.mark.parametrize(
    "url",
    [
        "https://s3.eu-central-1.amazonaws.com/bucket/models/a%20b/model.tar.gz",
        "https://s3-us-west-2.amazonaws.com/bucket/models/a%20b/model.tar.gz",
        "https://s3.amazonaws.com/bucket/models/a%20b/model.tar.gz",
        "https://bucket.s3.eu-central-1.amazonaws.com/models/a%20b/model.tar.gz",
        "https://bucket.s3.amazonaws.com/models/a b/model.tar.gz",
        "https://BUCKET.S3.cn-north-1.amazonaws.com.cn/models/a b/model.tar.gz",
    ],
)
def test_s3_s_own_https_urls_name_the_same_object(world: Any, sagemaker: Any, url: str) -> None:
    sagemaker.create_model(**request(PrimaryContainer={"Image": IMAGE, "ModelDataUrl": url}))
    assert world.shelf.asked == [(ROLE, ModelData("s3://bucket/models/a b/model.tar.gz"))]
    shown = sagemaker.describe_model(ModelName="rc-fraud-v1")
    assert shown["PrimaryContainer"]["ModelDataUrl"] == url


def test_an_unreachable_store_of_objects_is_worth_a_retry(world: Any, sagemaker: Any) -> None:
    world.shelf.lacks(DATA, FailureCause.PLATFORM, "the S3 index is locked")
    with pytest.raises(ClientError) as caught:
        sagemaker.create_model(**request())
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503


def test_uncompressed_model_data_is_a_prefix(world: Any, sagemaker: Any) -> None:
    prefix = "s3://acme-sm-rc-project-a/models/artifacts/fraud/"
    source = {"S3Uri": prefix, "S3DataType": "S3Prefix", "CompressionType": "None"}
    container = {"Image": IMAGE, "ModelDataSource": {"S3DataSource": source}}
    sagemaker.create_model(**request(PrimaryContainer=container))
    assert world.shelf.asked == [(ROLE, ModelData(prefix, Compression.NONE, DataType.PREFIX))]
    shown = sagemaker.describe_model(ModelName="rc-fraud-v1")["PrimaryContainer"]
    assert shown["ModelDataSource"]["S3DataSource"] == source


@pytest.mark.parametrize(
    ("container", "words"),
    [
        ({"ModelDataUrl": DATA}, "Specify one of either Image and Model Data URL or ModelPackage"),
        ({"Image": IMAGE, "ModelDataUrl": "https://host/key.tar.gz"}, "s3://bucket/key"),
        ({"Image": IMAGE, "ModelDataUrl": "https://s3.amazonaws.com.evil/b/k"}, "s3://bucket/key"),
        ({"Image": IMAGE, "ModelDataUrl": "https://s3.amazonaws.com/b/k?x=1"}, "s3://bucket/key"),
        ({"Image": IMAGE, "ModelDataUrl": "https://[s3/b/k"}, "s3://bucket/key"),
        ({"Image": IMAGE, "ModelDataUrl": "https://s3.amazonaws.com/b/"}, "names no object"),
        ({"Image": IMAGE, "ModelDataUrl": "s3://bucket/"}, "names no object"),
        ({"Image": IMAGE, "Environment": {"A": "x" * 1025}}, "length less than or equal to 1024"),
        ({"Image": IMAGE, "Environment": {f"K{n}": "x" * 1000 for n in range(40)}}, "too large"),
    ],
)
def test_a_container_that_makes_no_sense_is_refused(
    sagemaker: Any, container: dict[str, Any], words: str
) -> None:
    code, message = refused(sagemaker.create_model, **request(PrimaryContainer=container))
    assert code == "ValidationException"
    assert words in message


def test_one_container_may_come_in_the_list(sagemaker: Any) -> None:
    one = {"Image": IMAGE, "ContainerHostname": "scorer"}
    sagemaker.create_model(**request(PrimaryContainer=None, Containers=[one]))
    shown = sagemaker.describe_model(ModelName="rc-fraud-v1")
    assert shown["Containers"] == [{**one, "Mode": "SingleModel"}]
    assert "PrimaryContainer" not in shown


def test_several_containers_are_refused_by_name(sagemaker: Any) -> None:
    code, message = refused(
        sagemaker.create_model,
        **request(PrimaryContainer=None, Containers=[{"Image": IMAGE}, {"Image": IMAGE}]),
    )
    assert code == "ValidationException"
    assert message.startswith("Containers with 2 entries is not supported yet")


def test_constraints_answer_in_aws_words(sagemaker: Any) -> None:
    code, message = refused(sagemaker.create_model, **request(ModelName="no_underscores"))
    assert code == "ValidationException"
    assert message == (
        "1 validation error detected: Value 'no_underscores' at 'modelName' failed to satisfy "
        "constraint: Member must satisfy regular expression pattern: "
        "[a-zA-Z0-9]([\\-a-zA-Z0-9]*[a-zA-Z0-9])?"
    )
