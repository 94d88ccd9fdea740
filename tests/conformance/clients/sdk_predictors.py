"""A user's own predictors on an endpoint that is there: serializers, an update, the clean-up.

And an A/B test of two variants, of which one becomes the only one.
"""

import json
import sys

import numpy as np
from sagemaker import Session
from sagemaker.deserializers import CSVDeserializer, JSONDeserializer, NumpyDeserializer
from sagemaker.predictor import Predictor
from sagemaker.pytorch import PyTorchPredictor
from sagemaker.serializers import CSVSerializer, JSONSerializer, NumpySerializer
from sagemaker.session import production_variant

endpoint = sys.argv[1]
session = Session()
client = session.sagemaker_client
rows = [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]
told = {}


def predictor(serializer, deserializer):
    return Predictor(endpoint, session, serializer, deserializer)


told["json"] = predictor(JSONSerializer(), JSONDeserializer()).predict(rows)
told["named"] = predictor(JSONSerializer(), JSONDeserializer()).predict({"features": rows})
told["csv"] = predictor(CSVSerializer(), CSVDeserializer()).predict(rows)
told["npy"] = predictor(NumpySerializer(), NumpyDeserializer()).predict(np.array(rows)).tolist()
told["bytes"] = predictor(CSVSerializer(), JSONDeserializer()).predict(rows[1])
told["torch"] = (
    PyTorchPredictor(endpoint, session).predict(np.array(rows, dtype="float32")).tolist()
)


def wait(name):
    client.get_waiter("endpoint_in_service").wait(
        EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )


both = f"{endpoint}-ab"
config = client.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
described = client.describe_endpoint_config(EndpointConfigName=config)
model = described["ProductionVariants"][0]["ModelName"]
session.endpoint_from_production_variants(
    both,
    [
        production_variant(model, "ml.m5.large", 1, variant_name=name, initial_weight=weight)
        for name, weight in (("champion", 1), ("challenger", 0))
    ],
    wait=False,
)
wait(both)
compared = Predictor(both, session, JSONSerializer(), JSONDeserializer())
told["target"] = compared.predict(rows, target_variant="challenger")
compared.update_endpoint(
    initial_instance_count=1, instance_type="ml.m5.large", model_name=model, wait=False
)
wait(both)
variants = client.describe_endpoint(EndpointName=both)["ProductionVariants"]
told["only"] = [each["VariantName"] for each in variants]
compared.delete_endpoint()

last = predictor(JSONSerializer(), JSONDeserializer())
last.update_endpoint(initial_instance_count=2, instance_type="ml.m5.large", wait=False)
changing = client.describe_endpoint(EndpointName=endpoint)
told["pending"] = changing["PendingDeploymentSummary"]["EndpointConfigName"]
wait(endpoint)
described = client.describe_endpoint(EndpointName=endpoint)
told["status"] = described["EndpointStatus"]
told["count"] = described["ProductionVariants"][0]["CurrentInstanceCount"]
told["config"] = described["EndpointConfigName"]
told["after"] = last.predict(rows)
last.delete_model()
last.delete_endpoint()
sys.stdout.write(json.dumps(told) + "\n")
