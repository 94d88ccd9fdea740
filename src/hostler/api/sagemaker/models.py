"""CreateModel, DescribeModel, ListModels, DeleteModel; and a stored model as the domain knows it.

Invariant: what DescribeModel shows is what CreateModel was given.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from hostler.api.registry import Access, Call, Rooms
from hostler.api.sagemaker import keys, lists, roles
from hostler.api.sagemaker import tags as tagged
from hostler.api.sagemaker.operations import deletes, on, on_everything, reads, writes
from hostler.api.sagemaker.resources import MODEL
from hostler.aws import virtualhost
from hostler.domain import hosts
from hostler.domain.errors import access_denied, validation
from hostler.domain.model import Compression, Container, DataType, Model, ModelData
from hostler.iam import trust
from hostler.store import preparations, tags
from hostler.store.database import Transaction
from hostler.store.models import MODELS
from hostler.store.records import Record

ENVIRONMENT_BYTES_MAX = 32 * 1024


async def prepare(rooms: Rooms, call: Call) -> None:
    """Check the request, then that the role may read the model data (S3's index, on a thread)."""
    model = domain_model(call.params)
    await rooms.store.read(lambda tx: _check(tx, call, model))
    await roles.check_model_data(rooms, call, model)


def create(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """CreateModel."""
    model = domain_model(call.params)
    _check(tx, call, model)
    arn = MODEL.arn(call, model.name)
    request = {name: value for name, value in call.params.items() if name != "Tags"}
    MODELS.create(tx, Record(call.account, call.region, model.name, arn, call.now, request))
    tags.replace(tx, arn, tagged.requested(call.params))
    preparations.ask(tx, arn, model)
    call.wakes.append(arn)
    return {"ModelArn": arn}


def describe(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """DescribeModel."""
    record = existing(tx, call, call.params["ModelName"])
    shown = dict(record.request)
    if "PrimaryContainer" in shown:
        shown["PrimaryContainer"] = _shown(shown["PrimaryContainer"])
    if shown.get("Containers"):
        shown["Containers"] = [_shown(container) for container in shown["Containers"]]
    shown.setdefault("EnableNetworkIsolation", False)
    return {
        **{name: value for name, value in shown.items() if value not in ({}, [])},
        "ModelArn": record.arn,
        "CreationTime": record.created,
    }


def listed(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """ListModels."""
    return lists.of_records(tx, call, MODELS, "Models", "Model")


def delete(tx: Transaction, call: Call) -> None:
    """DeleteModel: only the record goes; there is no in-use check, as on AWS."""
    record = existing(tx, call, call.params["ModelName"])
    MODELS.remove(tx, call.account, call.region, record.name)
    tags.remove_all(tx, record.arn)
    preparations.withdraw(tx, record.arn)
    call.wakes.append(record.arn)


def existing(tx: Transaction, call: Call, name: str) -> Record:
    """The model of a name, or AWS's error."""
    record = MODELS.get(tx, call.account, call.region, name)
    if record is None:
        raise MODEL.missing(MODEL.arn(call, name))
    return record


def domain_model(request: Mapping[str, Any]) -> Model:
    """A CreateModel request as what an endpoint will run; refuses what contradicts itself."""
    role_arn = request.get("ExecutionRoleArn")
    if role_arn is None:
        raise validation("ExecutionRoleArn is required: the role that reads the model data.")
    return Model(
        name=request["ModelName"],
        container=_container(_only_container(request)),
        role_arn=role_arn,
        network_isolation=request.get("EnableNetworkIsolation", False),
    )


def _only_container(request: Mapping[str, Any]) -> Mapping[str, Any]:
    primary: Mapping[str, Any] | None = request.get("PrimaryContainer")
    several: Sequence[Mapping[str, Any]] = request.get("Containers") or ()
    if primary is not None and several:
        raise validation("Specify either PrimaryContainer or Containers, not both.")
    if primary is not None:
        return primary
    if not several:
        raise validation("Specify a container: PrimaryContainer is required.")
    if len(several) > 1:
        raise validation(
            f"Containers with {len(several)} entries is not supported yet: inference pipelines "
            "and multi-container endpoints do not exist; give one container."
        )
    return several[0]


def _container(given: Mapping[str, Any]) -> Container:
    image = given.get("Image")
    if image is None:
        raise validation(
            "Specify one of either Image and Model Data URL or ModelPackageName in container "
            "definition."
        )
    environment: Mapping[str, str] = given.get("Environment") or {}
    _check_environment(environment)
    return Container(
        image=image,
        environment=environment,
        model_data=_model_data(given),
        hostname=given.get("ContainerHostname", "primary"),
    )


def _model_data(given: Mapping[str, Any]) -> ModelData | None:
    url: str | None = given.get("ModelDataUrl")
    source: Mapping[str, Any] | None = (given.get("ModelDataSource") or {}).get("S3DataSource")
    if url is not None and source is not None:
        raise validation("Specify either ModelDataUrl or ModelDataSource, not both.")
    if url is not None:
        return _checked(ModelData(_s3_uri(url)))
    if source is None:
        return None
    if source.get("S3Uri") is None:
        raise validation("ModelDataSource.S3DataSource.S3Uri is required: manifests are not read.")
    return _checked(
        ModelData(
            _s3_uri(source["S3Uri"]),
            Compression(source["CompressionType"]),
            DataType(source["S3DataType"]),
        )
    )


def _s3_uri(url: str) -> str:
    """The object that S3's own https URLs name, by path or by host, as ``s3://bucket/key``.

    Nothing is fetched from the URL. Another one is returned as it is.
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # brackets that hold no address
        return url
    if parts.scheme != "https" or parts.query or parts.fragment:
        return url
    host, path = parts.netloc.lower(), unquote(parts.path)
    if bucket := virtualhost.bucket_of_host(host):
        return f"s3://{bucket}{path}"
    label = host.partition(".")[0]
    is_s3 = hosts.is_aws(host) and (label == "s3" or label.startswith("s3-"))
    return f"s3:/{path}" if is_s3 else url


def _checked(data: ModelData) -> ModelData:
    bucket, _, key = data.uri.removeprefix("s3://").partition("/")
    if not data.uri.startswith("s3://") or not bucket:
        raise validation(
            f"{data.uri} cannot be read: model data is named by s3://bucket/key "
            "or S3's own https URL of it."
        )
    if data.data_type is DataType.OBJECT and (not key or key.endswith("/")):
        raise validation(f"{data.uri} names no object: give the key of a model archive.")
    if data.data_type is DataType.PREFIX:
        if data.compression is Compression.GZIP:
            raise validation(
                "CompressionType Gzip needs S3DataType S3Object: one archive is unpacked."
            )
        if not data.uri.endswith("/"):
            raise validation(f"S3Uri {data.uri} must end with a slash when S3DataType is S3Prefix.")
    return data


def _check_environment(environment: Mapping[str, str]) -> None:
    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ContainerDefinition.html
    size = sum(len(name.encode()) + len(value.encode()) for name, value in environment.items())
    if size > ENVIRONMENT_BYTES_MAX:
        raise validation(
            f"The environment is too large: names and values together have {size} bytes, and at "
            f"most {ENVIRONMENT_BYTES_MAX} are allowed."
        )


def _check(tx: Transaction, call: Call, model: Model) -> None:
    tagged.requested(call.params)
    arn = MODEL.arn(call, model.name)
    if MODELS.get(tx, call.account, call.region, model.name) is not None:
        raise MODEL.taken(arn)
    roles.check_trust(tx, call, model.role_arn)
    lists.check_quota(tx, call, MODELS, call.quotas.models, "models")


def _shown(container: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"Mode": "SingleModel", **container}


def _create_access(call: Call) -> Sequence[Access]:
    needed = [*_on_new_model(call)]
    role_arn = call.params.get("ExecutionRoleArn")
    if role_arn is not None:
        if role_arn.split(":")[4] != call.account:
            # What IAM says to every service that is passed a role, whatever the policies allow.
            raise access_denied("Cross-account pass role is not allowed.")
        needed.append(Access("iam:PassRole", role_arn, {"iam:PassedToService": trust.SAGEMAKER}))
    return needed


_on_new_model = on((MODEL, "ModelName"), keys=keys.of_model)
_on_model = on((MODEL, "ModelName"))

OPERATIONS = (
    writes("CreateModel", create, _create_access, prepare),
    reads("DescribeModel", describe, _on_model),
    reads("ListModels", listed, on_everything),
    deletes("DeleteModel", delete, _on_model),
)
