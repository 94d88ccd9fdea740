"""A user's own SKLearnModel: code in a folder beside the model, the role by its name."""

import json
import sys

import numpy as np
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
model.sagemaker_session.sagemaker_client.get_waiter("endpoint_in_service").wait(
    EndpointName=f"{name}-ep", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
)
rows = np.array([[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]])
answer = predictor.predict(rows)
sys.stdout.write(json.dumps({"type": type(answer).__name__, "answer": answer.tolist()}) + "\n")
