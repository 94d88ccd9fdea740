"""Deploys archives to a running Hostler as a user would, with boto3."""

from typing import Any

from running import BUCKET, GENERIC_IMAGE, PREFIX, ROLE, Running, eventually


def put(server: Running, name: str, content: bytes) -> str:
    """Upload an archive; returns its URI."""
    key = f"models/{name}/model.tar.gz"
    server.client("s3").put_object(Bucket=BUCKET, Key=key, Body=content)
    return f"s3://{BUCKET}/{key}"


def create_model(
    server: Running,
    name: str,
    content: bytes,
    *,
    image: str = GENERIC_IMAGE,
    environment: dict[str, str] | None = None,
    **more: Any,
) -> str:
    """Upload and CreateModel; returns the model's name."""
    model = f"{PREFIX}{name}-v1"
    server.client("sagemaker").create_model(
        ModelName=model,
        PrimaryContainer={
            "Image": image,
            "ModelDataUrl": put(server, name, content),
            "Environment": environment or {},
        },
        ExecutionRoleArn=ROLE,
        **more,
    )
    return model


def create_config(server: Running, name: str, model: str, count: int = 1, **more: Any) -> str:
    config = f"{PREFIX}{name}-config"
    server.client("sagemaker").create_endpoint_config(
        EndpointConfigName=config,
        ProductionVariants=[
            {
                "VariantName": "AllTraffic",
                "ModelName": model,
                "InstanceType": "ml.t2.medium",
                "InitialInstanceCount": count,
                **more,
            }
        ],
    )
    return config


def deploy(
    server: Running, name: str, content: bytes, *, count: int = 1, wait: bool = True, **more: Any
) -> str:
    """Model, config and endpoint; waits for InService unless told otherwise. Returns its name."""
    config = create_config(server, name, create_model(server, name, content, **more), count)
    endpoint = f"{PREFIX}{name}-ep"
    server.client("sagemaker").create_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    if wait:
        described = settled(server, endpoint)
        assert described["EndpointStatus"] == "InService", (described, server.process_logs())
    return endpoint


def settled(
    server: Running, endpoint: str, within_s: float = 90.0, every_s: float = 0.05
) -> dict[str, Any]:
    """The endpoint's description once nothing is under way any more."""
    client = server.client("sagemaker")

    def look() -> dict[str, Any] | None:
        described: dict[str, Any] = client.describe_endpoint(EndpointName=endpoint)
        return described if not described["EndpointStatus"].endswith("ing") else None

    return eventually(f"{endpoint} settles", look, within_s, every_s)
