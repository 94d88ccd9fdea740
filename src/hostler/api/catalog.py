"""What Hostler implements, by service: the README's table is made from this.

Invariant: nothing is listed that the dispatch tables do not answer.
"""

from hostler.api import iam, logs, runtime, sagemaker, sts
from hostler.api.registry import ServiceTable
from hostler.api.s3 import table as s3

TABLES: tuple[ServiceTable, ...] = (sagemaker.TABLE, logs.TABLE, iam.TABLE, sts.TABLE)
"""The services of the control plane's process."""


def implemented() -> dict[str, tuple[str, ...]]:
    """Operation names by botocore's service name, sorted; whichever process answers them."""
    found = {one.service: tuple(sorted(one.operations)) for one in TABLES}
    found["s3"] = tuple(sorted(s3.OPERATIONS))
    found["sagemaker-runtime"] = tuple(sorted(runtime.OPERATIONS))
    return dict(sorted(found.items()))
