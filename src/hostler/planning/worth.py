"""What the requests of a serverless variant are worth to a gateway that asks for environments.

By itself, as gateways need nothing else of planning.
"""

from math import ceil

PATIENCE_S = 1.0
"""A request that would wait longer for its turn is worth a further environment."""


def environments(have: int, in_flight: int, answered_per_s: float, total: int) -> int:
    """How many environments a variant's requests are worth.

    Args:
        have: Environments that take requests.
        in_flight: Requests of one gateway that have come and are not answered.
        answered_per_s: The answers that this gateway got lately.
        total: The requests of all gateways; more environments than these are of no use.
    """
    if not have or not in_flight:
        return min(1, total)
    can_answer = answered_per_s * PATIENCE_S
    if have * in_flight >= total * can_answer:
        return total
    return min(total, ceil(have * in_flight / can_answer))
