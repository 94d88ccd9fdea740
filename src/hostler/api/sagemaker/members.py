"""What becomes of each input member of the sagemaker operations.

Invariant: every leaf of botocore's input shapes is here, or below a structure that is refused; a
test walks the model. Refusing is honest: the feature's own issue moves its members to ``ACTS``.
"""

from collections.abc import Mapping

from hostler.api.members import ACTS, Echoed, Fate, Members, Only, Refused
from hostler.domain.endpoint import Routing

PRODUCTION, SHADOWS = VARIANTS = ("ProductionVariants", "ShadowProductionVariants")
"""The members in which a config's variants come."""

_TAGS: Members = {"Tags[].Key": ACTS, "Tags[].Value": ACTS}

_VPC = Echoed("one machine has one network: `hostler status` says what a VpcConfig means here")

_VPC_CONFIG: Members = {
    "VpcConfig.SecurityGroupIds[]": _VPC,
    "VpcConfig.Subnets[]": _VPC,
}

_CONTAINER: Members = {
    "ContainerHostname": ACTS,
    "Image": ACTS,
    "ImageConfig.RepositoryAccessMode": Only(
        frozenset({"Platform"}), "images are not pulled through a VPC"
    ),
    "ImageConfig.RepositoryAuthConfig": Refused("private registries are not read"),
    "Mode": Only(frozenset({"SingleModel"}), "multi-model endpoints do not exist yet"),
    "ModelDataUrl": ACTS,
    "ModelDataSource.S3DataSource.S3Uri": ACTS,
    "ModelDataSource.S3DataSource.S3DataType": ACTS,
    "ModelDataSource.S3DataSource.CompressionType": ACTS,
    "ModelDataSource.S3DataSource.ModelAccessConfig.AcceptEula": Echoed(
        "no model here is gated; the acknowledgement is kept with the model"
    ),
    "ModelDataSource.S3DataSource.HubAccessConfig": Refused("model hubs do not exist here"),
    "ModelDataSource.S3DataSource.ManifestS3Uri": Refused("manifests are not read"),
    "ModelDataSource.S3DataSource.ETag": Refused("model data is not pinned to an ETag"),
    "ModelDataSource.S3DataSource.ManifestEtag": Refused("manifests are not read"),
    "AdditionalModelDataSources": Refused("a container has one source of model data"),
    "Environment": ACTS,
    "ModelPackageName": Refused("model packages do not exist; give Image and ModelDataUrl"),
    "InferenceSpecificationName": Refused("model packages do not exist"),
    "MultiModelConfig": Refused("multi-model endpoints do not exist yet"),
    "ContainerMetricsConfig": Refused("metrics of containers are not collected"),
}


def _below(prefix: str, members: Members) -> dict[str, Fate]:
    return {f"{prefix}.{path}": fate for path, fate in members.items()}


CREATE_MODEL: Members = {
    "ModelName": ACTS,
    **_below("PrimaryContainer", _CONTAINER),
    **_below("Containers[]", _CONTAINER),
    "InferenceExecutionConfig": Refused("inference pipelines do not exist yet"),
    "ExecutionRoleArn": ACTS,
    **_TAGS,
    **_VPC_CONFIG,
    "EnableNetworkIsolation": ACTS,
}

_ENDPOINT_CONFIG: Members = {
    "EndpointConfigName": ACTS,
    "ProductionVariants[].VariantName": ACTS,
    "ProductionVariants[].ModelName": ACTS,
    "ProductionVariants[].InitialInstanceCount": ACTS,
    "ProductionVariants[].InstanceType": ACTS,
    "ProductionVariants[].InstancePools": Refused("a variant has one instance type"),
    "ProductionVariants[].VariantInstanceProvisionTimeoutInSeconds": Refused(
        "instances are processes of this machine and wait for no capacity"
    ),
    "ProductionVariants[].InitialVariantWeight": ACTS,
    "ProductionVariants[].AcceleratorType": Refused("Elastic Inference was withdrawn by AWS"),
    "ProductionVariants[].CoreDumpConfig": Refused("core dumps are not kept"),
    "ProductionVariants[].ServerlessConfig.MemorySizeInMB": ACTS,
    "ProductionVariants[].ServerlessConfig.MaxConcurrency": ACTS,
    "ProductionVariants[].ServerlessConfig.ProvisionedConcurrency": ACTS,
    "ProductionVariants[].VolumeSizeInGB": Refused(
        "an instance here has no volume of its own, and shares the disk of the data directory"
    ),
    "ProductionVariants[].ModelDataDownloadTimeoutInSeconds": ACTS,
    "ProductionVariants[].ContainerStartupHealthCheckTimeoutInSeconds": ACTS,
    "ProductionVariants[].EnableSSMAccess": Only(
        frozenset({False}), "instances are processes of this machine; there is no SSM agent"
    ),
    "ProductionVariants[].ManagedInstanceScaling": Refused(
        "inference components do not exist yet",
        "ManagedInstanceScaling is only supported for inference component endpoints.",
    ),
    "ProductionVariants[].RoutingConfig.RoutingStrategy": Only(
        frozenset(each.value for each in Routing),
        "the gateway picks the instance with the least outstanding requests, also where nothing is "
        "said, or any at random",
    ),
    "ProductionVariants[].RoutingConfig.PrefixAwareRoutingConfig": Refused(
        "the gateway does not look into prompts"
    ),
    "ProductionVariants[].InferenceAmiVersion": Refused("there are no machine images here"),
    "ProductionVariants[].CapacityReservationConfig": Refused("there is no capacity to reserve"),
    "ProductionVariants[].AcceleratorPartitionLayouts": Refused("GPUs are not partitioned"),
    "DataCaptureConfig": Refused("data capture does not exist yet"),
    **_TAGS,
    "KmsKeyId": Refused("there is no KMS here, and no volume to encrypt"),
    "AsyncInferenceConfig": Refused("asynchronous inference does not exist yet"),
    "ExplainerConfig": Refused("explanations do not exist yet"),
    "ExecutionRoleArn": Refused("it belongs to inference components, which do not exist yet"),
    **_VPC_CONFIG,
    "EnableNetworkIsolation": ACTS,
    "MetricsConfig.EnableEnhancedMetrics": Only(
        frozenset({False}), "metrics are by endpoint and variant, not by instance"
    ),
    "MetricsConfig.EnableDetailedObservability": Only(
        frozenset({False}), "containers are not asked for metrics of their own"
    ),
    "MetricsConfig.MetricPublishFrequencyInSeconds": Only(
        frozenset({60}),
        "metrics are by the minute, and ConcurrentRequestsPerModel alone by ten seconds",
    ),
    "CrossRegionTrafficConfig": Refused("there is one machine and no other region"),
}
CREATE_ENDPOINT_CONFIG: Members = {
    **_ENDPOINT_CONFIG,
    **{
        f"Shadow{path}": fate
        for path, fate in _ENDPOINT_CONFIG.items()
        if path.startswith(f"{PRODUCTION}[]") and ".ServerlessConfig" not in path
    },
    "ShadowProductionVariants[].ServerlessConfig": Refused("a shadow variant has instances"),
}

_CAPACITY: Members = {"Type": ACTS, "Value": ACTS}

_TRAFFIC: Members = {
    "Type": ACTS,
    "WaitIntervalInSeconds": ACTS,
    **_below("CanarySize", _CAPACITY),
    **_below("LinearStepSize", _CAPACITY),
}

_BLUE_GREEN: Members = {
    **_below("TrafficRoutingConfiguration", _TRAFFIC),
    "TerminationWaitInSeconds": ACTS,
    "MaximumExecutionTimeoutInSeconds": ACTS,
}

_ROLLING: Members = {
    **_below("MaximumBatchSize", _CAPACITY),
    "WaitIntervalInSeconds": ACTS,
    "MaximumExecutionTimeoutInSeconds": ACTS,
    **_below("RollbackMaximumBatchSize", _CAPACITY),
}

_DEPLOYMENT_CONFIG: Members = {
    **_below("DeploymentConfig.BlueGreenUpdatePolicy", _BLUE_GREEN),
    **_below("DeploymentConfig.RollingUpdatePolicy", _ROLLING),
    "DeploymentConfig.AutoRollbackConfiguration.Alarms[].AlarmName": ACTS,
}

CREATE_ENDPOINT: Members = {
    "EndpointName": ACTS,
    "EndpointConfigName": ACTS,
    **_DEPLOYMENT_CONFIG,
    **_TAGS,
}

UPDATE_ENDPOINT: Members = {
    "EndpointName": ACTS,
    "EndpointConfigName": ACTS,
    "RetainAllVariantProperties": ACTS,
    "ExcludeRetainedVariantProperties[].VariantPropertyType": ACTS,
    **_DEPLOYMENT_CONFIG,
    "RetainDeploymentConfig": ACTS,
}

UPDATE_WEIGHTS_AND_CAPACITIES: Members = {
    "EndpointName": ACTS,
    "DesiredWeightsAndCapacities[].VariantName": ACTS,
    "DesiredWeightsAndCapacities[].DesiredWeight": ACTS,
    "DesiredWeightsAndCapacities[].DesiredInstanceCount": ACTS,
    "DesiredWeightsAndCapacities[].ServerlessUpdateConfig.MaxConcurrency": ACTS,
    "DesiredWeightsAndCapacities[].ServerlessUpdateConfig.ProvisionedConcurrency": ACTS,
}

_PAGE: Members = {
    "SortBy": ACTS,
    "SortOrder": ACTS,
    "NextToken": ACTS,
    "MaxResults": ACTS,
    "NameContains": ACTS,
    "CreationTimeBefore": ACTS,
    "CreationTimeAfter": ACTS,
}

BY_OPERATION: Mapping[str, Members] = {
    "CreateModel": CREATE_MODEL,
    "DescribeModel": {"ModelName": ACTS},
    "ListModels": _PAGE,
    "DeleteModel": {"ModelName": ACTS},
    "CreateEndpointConfig": CREATE_ENDPOINT_CONFIG,
    "DescribeEndpointConfig": {"EndpointConfigName": ACTS},
    "ListEndpointConfigs": _PAGE,
    "DeleteEndpointConfig": {"EndpointConfigName": ACTS},
    "CreateEndpoint": CREATE_ENDPOINT,
    "DescribeEndpoint": {"EndpointName": ACTS},
    "ListEndpoints": {
        **_PAGE,
        "LastModifiedTimeBefore": ACTS,
        "LastModifiedTimeAfter": ACTS,
        "StatusEquals": ACTS,
    },
    "UpdateEndpoint": UPDATE_ENDPOINT,
    "UpdateEndpointWeightsAndCapacities": UPDATE_WEIGHTS_AND_CAPACITIES,
    "DeleteEndpoint": {"EndpointName": ACTS},
    "AddTags": {"ResourceArn": ACTS, **_TAGS},
    "ListTags": {"ResourceArn": ACTS, "NextToken": ACTS, "MaxResults": ACTS},
    "DeleteTags": {"ResourceArn": ACTS, "TagKeys[]": ACTS},
}
