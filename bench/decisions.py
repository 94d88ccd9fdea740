"""``python -m bench.decisions``: what a policy decision costs, with 50 statements.

All of them but one are of other services; each has two conditions, the one that allows three and a
variable. ``cold`` reads the documents as well, ``new`` finds them compiled, ``made`` finds
the caller compiled too and decides about a resource never seen, ``kept`` finds the decision.
"""

import gc
import json
import time
from collections.abc import Callable
from statistics import median

from hostler.domain.snapshot import Policy, Principal
from hostler.iam.evaluate import PolicyEngine
from hostler.iam.globs import glob
from hostler.iam.statements import compiled

STATEMENTS = 50
TIMES = 300
ACCOUNT = "123456789012"
ACTION = "sagemaker:InvokeEndpoint"
ENDPOINT = f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:endpoint/red-"
CONTEXT = {
    "aws:RequestedRegion": "eu-west-1",
    "aws:SourceIp": "10.1.2.3",
    "aws:CurrentTime": "2026-01-01T00:00:00Z",
}


def main() -> None:
    """Measure and print."""
    for name, costs in measured().items():
        print(f"{name:5} {min(costs):8.1f} µs at best, {median(costs):8.1f} in the middle")


def measured() -> dict[str, list[float]]:
    """What each decision of each kind cost, in µs."""
    assert PolicyEngine().decide(bob(), ACTION, ENDPOINT, CONTEXT).allowed
    gc.disable()
    try:
        return {"cold": cold(), "new": new(), "made": made(), "kept": kept()}
    finally:
        gc.enable()


def bob() -> Principal:
    """A caller with one policy; it allows by its last statement."""
    conditions = {
        "StringEquals": {"aws:RequestedRegion": ["eu-west-1", "us-east-1"]},
        "IpAddress": {"aws:SourceIp": "10.0.0.0/8"},
    }
    others = [
        {
            "Sid": f"S{number}",
            "Effect": "Allow" if number % 5 else "Deny",
            "Action": [f"service{number}:Get*", f"service{number}:List*"],
            "Resource": f"arn:aws:service{number}:*:*:thing/{number}-*",
            "Condition": conditions,
        }
        for number in range(STATEMENTS - 1)
    ]
    last = {
        "Effect": "Allow",
        "Action": "sagemaker:*",
        "Resource": "arn:aws:sagemaker:*:*:endpoint/${aws:PrincipalTag/team}-*",
        "Condition": {**conditions, "DateLessThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [*others, last]})
    arn = f"arn:aws:iam::{ACCOUNT}:user/bob"
    return Principal(arn, ACCOUNT, "AIDA1", "bob", (Policy("p", document),), tags={"team": "red"})


def cold() -> list[float]:
    """A principal and documents that are new to the process."""
    who = bob()

    def first() -> None:
        compiled.cache_clear()
        glob.cache_clear()
        PolicyEngine().decide(who, ACTION, ENDPOINT, CONTEXT)

    return [_timed(first) for _ in range(TIMES)]


def new() -> list[float]:
    """A principal that is new to an engine."""
    who = bob()
    return [
        _timed(lambda: PolicyEngine().decide(who, ACTION, ENDPOINT, CONTEXT)) for _ in range(TIMES)
    ]


def made() -> list[float]:
    """A decision that cannot be kept, for it looks at the time and the address."""
    engine, who = PolicyEngine(), bob()
    resources = [f"{ENDPOINT}{number}" for number in range(TIMES)]
    return [
        _timed(lambda one=resource: engine.decide(who, ACTION, one, CONTEXT))  # type: ignore[misc]
        for resource in resources
    ]


def kept() -> list[float]:
    """A decision that was made before, by what follows from the caller alone."""
    engine, who = PolicyEngine(), bob()
    engine.decide(who, "s3:GetObject", "*", CONTEXT)
    return [_timed(lambda: engine.decide(who, "s3:GetObject", "*", CONTEXT)) for _ in range(TIMES)]


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter_ns()
    work()
    return (time.perf_counter_ns() - start) / 1_000


if __name__ == "__main__":
    main()
