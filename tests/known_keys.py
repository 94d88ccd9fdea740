"""Statements that allow only where every one of some condition keys is known, absent or not."""

import json
from collections.abc import Iterable
from typing import Any

from hostler.domain.snapshot import Policy, Principal


def knowing(keys: Iterable[str]) -> dict[str, Any]:
    """The condition: ``Null`` of a key is true or false, and neither where nobody knows."""
    return {"Null": {key.replace("/*", "/some"): ["true", "false"] for key in keys}}


def caller(keys: Iterable[str], account: str) -> Principal:
    """A user who may do everything of which these keys are known."""
    statement: dict[str, Any] = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    if condition := knowing(keys)["Null"]:
        statement["Condition"] = {"Null": condition}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    arn = f"arn:aws:iam::{account}:user/asking"
    return Principal(arn, account, "AIDAASKING", "asking", (Policy("p", document),), tags={})
