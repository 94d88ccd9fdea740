"""Amazon SageMaker's control plane for hosting: models, endpoint configs, endpoints, tags."""

from hostler.api.registry import table
from hostler.api.sagemaker import capacities, configs, endpoints, models, tags

TABLE = table(
    "sagemaker",
    [
        *models.OPERATIONS,
        *configs.OPERATIONS,
        *endpoints.OPERATIONS,
        *capacities.OPERATIONS,
        *tags.OPERATIONS,
    ],
)
