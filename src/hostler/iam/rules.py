"""What a statement must and must not have, by what its document is attached to.

Invariant: every refusal is IAM's own sentence, followed by the place.
"""

import re
from collections.abc import Collection, Iterable

from hostler.iam.grammar import Condition, Kind, Statement, malformed

PARTITIONS = ("aws", "aws-cn", "aws-us-gov", "*")

_VENDOR = re.compile(r"[0-9A-Za-z.\-]+")
_ACTION = re.compile(rf"\*|(?:\*|{_VENDOR.pattern}):[^:]+")
_RESOURCE = re.compile(
    rf"\*|arn:(?:{'|'.join(map(re.escape, PARTITIONS))}):(?!iam(?::|$)){_VENDOR.pattern}(?::.*)?",
    re.DOTALL,
)
"""What nothing is wrong with, but for resources of IAM, which are looked at one by one."""
_OF_DATES = ("Date", "ForAllValues:Date", "ForAnyValue:Date")
_DATE = re.compile(r"\d{1,19}|-?\d+-\d.*|-?\d+T.*", re.ASCII | re.IGNORECASE)


def check(statement: Statement, elements: Collection[str], kind: Kind, place: str) -> None:
    """Raise MalformedPolicyDocument unless the statement may stand in such a document.

    Args:
        statement: What was read.
        elements: The names of the elements it was written with.
        kind: What its document is attached to.
        place: Where it is, for the text.
    """
    _actions(statement, place)
    match kind:
        case Kind.IDENTITY:
            _identity(elements, statement, place)
        case Kind.TRUST:
            _trust(elements, statement, place)
        case Kind.BUCKET:
            _bucket(statement, place)
        case Kind.LOGS:
            _on_resource(statement, place)


def check_conditions(operator: str, conditions: Iterable[Condition], place: str) -> None:
    """Raise MalformedPolicyDocument for values that IAM does not keep: dates that are none."""
    if not operator.startswith(_OF_DATES):
        return
    for condition in conditions:
        for value in condition.values:
            if _DATE.fullmatch(value) is None:
                where = f"{place}.{condition.key}: {value[:64]}"
                raise malformed("The policy failed legacy parsing", where)


def _actions(statement: Statement, place: str) -> None:
    if not statement.actions and not statement.not_actions:
        raise malformed("Policy statement must contain actions.", place)
    for action in statement.actions + statement.not_actions:
        if _ACTION.fullmatch(action):
            continue
        vendor, colon, name = action.partition(":")
        if not colon or not name:
            raise malformed(
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
                f"{place}: {action}",
            )
        if ":" in name:
            raise malformed("Actions/Condition can contain only one colon.", f"{place}: {action}")
        raise malformed(f"Vendor {vendor} is not valid", place)


def _identity(elements: Collection[str], statement: Statement, place: str) -> None:
    if "Principal" in elements or "NotPrincipal" in elements:
        raise malformed("Policy document should not specify a principal.", place)
    if not statement.resources and not statement.not_resources:
        raise malformed("Policy statement must contain resources.", place)
    for resource in statement.resources + statement.not_resources:
        if not _RESOURCE.fullmatch(resource):
            _resource(resource, place)


def _on_resource(statement: Statement, place: str) -> None:
    if not statement.principals and not statement.not_principals:
        raise malformed("Missing required field Principal", place)
    if not statement.resources and not statement.not_resources:
        raise malformed("Missing required field Resource", place)


def _bucket(statement: Statement, place: str) -> None:
    """In S3's own sentences; which bucket is meant is for S3 to see."""
    _on_resource(statement, place)
    for action in statement.actions + statement.not_actions:
        if action != "*" and not action.lower().startswith("s3:"):
            raise malformed("Policy has invalid action", f"{place}: {action}")


def _resource(resource: str, place: str) -> None:
    prefix, _, rest = resource.partition(":")
    if prefix != "arn" or not rest:
        raise malformed(f'Resource {resource} must be in ARN format or "*".', place)
    partition, _, rest = rest.partition(":")
    if partition not in PARTITIONS:
        raise malformed(f'Partition "{partition}" is not valid for resource "{resource}".', place)
    service, _, rest = rest.partition(":")
    if not _VENDOR.fullmatch(service):
        raise malformed(
            "Resource vendor must be fully qualified and cannot contain regexes.",
            f"{place}: {resource}",
        )
    if service == "iam" and rest.partition(":")[0] not in ("", "*"):
        raise malformed(f"IAM resource {resource} cannot contain region information.", place)


def _trust(elements: Collection[str], statement: Statement, place: str) -> None:
    for name in ("Resource", "NotResource"):
        if name in elements:
            raise malformed(f"Has prohibited field {name}", place)
    if not statement.principals and not statement.not_principals:
        raise malformed("Missing required field Principal cannot be empty!", place)
    for action in statement.actions + statement.not_actions:
        if action != "*" and not action.lower().startswith("sts:"):
            raise malformed(
                "AssumeRole policy may only specify STS AssumeRole actions.", f"{place}: {action}"
            )
