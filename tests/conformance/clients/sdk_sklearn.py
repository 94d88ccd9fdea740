"""A user's own SKLearnModel: code in a folder beside the model, the role by its name.

Once with an instance, once serverless.
"""

import json
import sys

import numpy as np
from sagemaker.serverless import ServerlessInferenceConfig
from sagemaker.sklearn import SKLearnModel

data, role, name, folder = sys.argv[1:]
model = SKLearnModel(
    model_data=data,
    role=role,
    entry_point="serve.py",
    source_dir=folder,
    framework_version="1.2-1",
    name=f"{name}-v1",
)
predictor = model.deploy(
    initial_instance_count=1,
    instance_type="ml.m5.large",
    endpoint_name=f"{name}-ep",
    wait=False,  # it would look only once in half a minute
)
client = model.sagemaker_session.sagemaker_client


def wait(endpoint):
    client.get_waiter("endpoint_in_service").wait(
        EndpointName=endpoint, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )


wait(f"{name}-ep")
rows = np.array([[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]])
answer = predictor.predict(rows)
serverless_config = ServerlessInferenceConfig(memory_size_in_mb=2048, max_concurrency=5)
serverless = model.deploy(
    serverless_inference_config=serverless_config,
    endpoint_name=f"{name}-serverless",
    wait=False,
)
wait(f"{name}-serverless")
(variant,) = client.describe_endpoint(EndpointName=f"{name}-serverless")["ProductionVariants"]
told = {
    "type": type(answer).__name__,
    "answer": answer.tolist(),
    "serverless": serverless.predict(rows).tolist(),
    "config": variant["CurrentServerlessConfig"],
}
sys.stdout.write(json.dumps(told) + "\n")
