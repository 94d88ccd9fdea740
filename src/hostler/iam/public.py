"""Whether a bucket's policy is public: what S3's Block Public Access looks at.

Invariant: a policy is public if one of its Allows means anybody, whatever the others say; what
limits it must be fixed, without wildcards and variables.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status
"""

from ipaddress import ip_network

from hostler.iam.grammar import Condition, Document, Effect, Statement

_FIXING_OPERATORS = frozenset({"StringEquals", "StringLike", "ArnEquals", "ArnLike"})
_FIXING_KEYS = frozenset(
    {
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:principalaccount",
        "aws:principalarn",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
        "s3:dataaccesspointaccount",
        "s3:dataaccesspointarn",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
    }
)
_BROADEST_IPV4, _BROADEST_IPV6 = 8, 32
"""Networks that are larger than these mean anybody."""


def is_public(document: Document) -> bool:
    """Does an Allow mean anybody?"""
    return any(map(_is_public, document.statements))


def _is_public(statement: Statement) -> bool:
    if statement.effect is not Effect.ALLOW:
        return False
    anybody = any(each.value == "*" for each in statement.principals)
    if not anybody and not statement.not_principals:
        return False
    return not any(map(_fixes, statement.conditions))


def _fixes(condition: Condition) -> bool:
    key, values = condition.key.lower(), condition.values
    if condition.operator == "IpAddress" and key == "aws:sourceip":
        return bool(values) and all(map(_is_narrow, values))
    if condition.operator not in _FIXING_OPERATORS or key not in _FIXING_KEYS or not values:
        return False
    return not any("*" in value or "?" in value or "${" in value for value in values)


def _is_narrow(text: str) -> bool:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return False
    return network.prefixlen >= (_BROADEST_IPV4 if network.version == 4 else _BROADEST_IPV6)
