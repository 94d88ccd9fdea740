"""The README's sixty seconds as a file: deploys MODEL.tar.gz and calls it.

    eval "$(hostler env --as deployer)"
    python quickstart.py model.tar.gz '{"features": [5.9, 3.0, 5.1, 1.8]}'

Nothing here knows Hostler: with AWS's own credentials it does the same on AWS.
"""

import sys

import boto3

BUCKET = "acme-sm-rc-project-a"
KEY = "models/artifacts/iris/model.tar.gz"
ROLE = "SageMaker-Rc-Project-A-ExecutionRole"
MODEL, CONFIG, ENDPOINT = "rc-project-a-iris-v1", "rc-project-a-iris-config", "rc-project-a-iris-ep"


def main(archive: str, body: str) -> None:
    account = boto3.client("sts").get_caller_identity()["Account"]
    region = boto3.session.Session().region_name
    boto3.client("s3").upload_file(archive, BUCKET, KEY)
    sagemaker = boto3.client("sagemaker")
    sagemaker.create_model(
        ModelName=MODEL,
        PrimaryContainer={
            "Image": f"{account}.dkr.ecr.{region}.amazonaws.com/sagemaker-inference:latest",
            "ModelDataUrl": f"s3://{BUCKET}/{KEY}",
        },
        ExecutionRoleArn=f"arn:aws:iam::{account}:role/{ROLE}",
    )
    sagemaker.create_endpoint_config(
        EndpointConfigName=CONFIG,
        ProductionVariants=[
            {
                "VariantName": "AllTraffic",
                "ModelName": MODEL,
                "InstanceType": "ml.m5.large",
                "InitialInstanceCount": 1,
            }
        ],
    )
    sagemaker.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName=CONFIG)
    sagemaker.get_waiter("endpoint_in_service").wait(
        EndpointName=ENDPOINT, WaiterConfig={"Delay": 1}
    )
    answer = boto3.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=ENDPOINT, ContentType="application/json", Body=body
    )
    print(answer["Body"].read().decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
