"""A user's own deployment by SDK v3: ModelBuilder, the core resources, serializers, a canary."""

import json
import logging
import sys

import numpy as np
from sagemaker.core import deserializers, serializers
from sagemaker.core.resources import Endpoint, EndpointConfig, Model
from sagemaker.core.shapes import (
    BlueGreenUpdatePolicy,
    CapacitySize,
    ContainerDefinition,
    DeploymentConfig,
    DesiredWeightAndCapacity,
    ProductionVariant,
    TrafficRoutingConfig,
)
from sagemaker.serve import ModelBuilder

logging.disable(logging.INFO)
data, role, image, name = sys.argv[1:]
rows = [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]
told = {}

builder = ModelBuilder(
    image_uri=image, s3_model_data_url=data, role_arn=role, instance_type="ml.m5.large"
)
model = builder.build(model_name=f"{name}-v1", tags=[{"Key": "Team", "Value": "rc"}])
endpoint = builder.deploy(
    endpoint_name=f"{name}-ep",
    instance_type="ml.m5.large",
    initial_instance_count=1,
    wait=False,  # it would look only once in half a minute
)
endpoint.wait_for_status("InService", poll=1, timeout=120)
told["model"] = model.primary_container.image

for kind, serializer, deserializer, body in (
    ("json", serializers.JSONSerializer(), deserializers.JSONDeserializer(), rows),
    ("csv", serializers.CSVSerializer(), deserializers.CSVDeserializer(), rows),
    ("npy", serializers.NumpySerializer(), deserializers.NumpyDeserializer(), np.array(rows)),
):
    endpoint.serializer, endpoint.deserializer = serializer, deserializer
    answer = endpoint.invoke(
        body=body, content_type=serializer.CONTENT_TYPE, accept=deserializer.ACCEPT[0]
    )
    told[kind] = np.array(answer.body, dtype=float).ravel().tolist()
endpoint.serializer = endpoint.deserializer = None

second = Model.create(
    model_name=f"{name}-v2",
    primary_container=ContainerDefinition(image=image, model_data_url=data),
    execution_role_arn=role,
)
told["unassigned"] = type(second.vpc_config).__name__
config = EndpointConfig.create(
    endpoint_config_name=f"{name}-config-2",
    production_variants=[
        ProductionVariant(
            variant_name="AllTraffic",
            model_name=second.model_name,
            instance_type="ml.m5.large",
            initial_instance_count=2,
            initial_variant_weight=0.8,
        )
    ],
)
told["weight"] = config.production_variants[0].initial_variant_weight
first = EndpointConfig.get(endpoint.endpoint_config_name)
endpoint.endpoint_config_name = config.endpoint_config_name
canary = BlueGreenUpdatePolicy(
    traffic_routing_configuration=TrafficRoutingConfig(
        type="CANARY",
        canary_size=CapacitySize(type="INSTANCE_COUNT", value=1),
        wait_interval_in_seconds=1,
    )
)
told["changing"] = endpoint.update(
    deployment_config=DeploymentConfig(blue_green_update_policy=canary)
).endpoint_status
endpoint.wait_for_status("InService", poll=1, timeout=120)
done = endpoint.last_deployment_config.blue_green_update_policy.traffic_routing_configuration
told["canary"] = [done.type, done.canary_size.value, done.wait_interval_in_seconds]
endpoint.update_weights_and_capacities(
    [DesiredWeightAndCapacity(variant_name="AllTraffic", desired_weight=0.5)]
)
endpoint.wait_for_status("InService", poll=1, timeout=120)
told["turned"] = endpoint.production_variants[0].current_weight
told["count"] = endpoint.production_variants[0].current_instance_count
told["config"] = endpoint.endpoint_config_name
answer = endpoint.invoke(body=json.dumps(rows), content_type="application/json")
told["after"] = json.loads(answer.body.read())
told["listed"] = [each.endpoint_name for each in Endpoint.get_all(name_contains=name)]

endpoint.delete()
endpoint.wait_for_delete(poll=1, timeout=60)
for each in (first, config, model, second):
    each.delete()
told["left"] = [each.model_name for each in Model.get_all(name_contains=name)]
sys.stdout.write("\n" + json.dumps(told) + "\n")
