"""What Hostler implements, by service: the README's table is made from this.

Invariant: nothing is listed that the dispatch tables do not answer.
"""

from hostler.api import runtime
from hostler.api.s3 import table as s3
from hostler.api.tables import TABLES


def implemented() -> dict[str, tuple[str, ...]]:
    """Operation names by botocore's service name, sorted; whichever process answers them."""
    found = {one.service: tuple(sorted(one.operations)) for one in TABLES}
    found["s3"] = tuple(sorted(s3.OPERATIONS))
    found["sagemaker-runtime"] = tuple(sorted(runtime.OPERATIONS))
    return dict(sorted(found.items()))
