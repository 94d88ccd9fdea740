"""The services of the control plane's process.

Invariant: what only S3's process needs is not loaded with them.
"""

from hostler.api import autoscaling, cloudtrail, cloudwatch, iam, logs, sagemaker, sns, sts
from hostler.api.registry import ServiceTable

TABLES: tuple[ServiceTable, ...] = (
    sagemaker.TABLE,
    logs.TABLE,
    cloudwatch.TABLE,
    autoscaling.TABLE,
    iam.TABLE,
    sts.TABLE,
    sns.TABLE,
    cloudtrail.TABLE,
)
