"""How often a message is tried.

Invariant: pure; SNS's own retries of HTTP endpoints: three, 20 seconds apart.
https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
"""

from collections.abc import Mapping
from typing import Any

RETRIES = 3
DELAY_S = 20.0

RETRY_POLICY: Mapping[str, Any] = {
    "http": {
        "defaultHealthyRetryPolicy": {
            "minDelayTarget": int(DELAY_S),
            "maxDelayTarget": int(DELAY_S),
            "numRetries": RETRIES,
            "numMaxDelayRetries": 0,
            "numNoDelayRetries": 0,
            "numMinDelayRetries": 0,
            "backoffFunction": "linear",
        },
        "disableSubscriptionOverrides": False,
        "defaultRequestPolicy": {"headerContentType": "text/plain; charset=UTF-8"},
    }
}
"""The same as SNS's EffectiveDeliveryPolicy."""


def next_try(attempts: int, now: float) -> float | None:
    """When a message that failed is tried again; None to give up.

    Args:
        attempts: How often it was tried before this time.
        now: Epoch seconds.
    """
    return now + DELAY_S if attempts < RETRIES else None
