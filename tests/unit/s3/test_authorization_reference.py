"""Every operation of S3 needs what AWS says: its action, on its resource, with its keys."""

import time
from dataclasses import replace
from typing import Any

from authorization_reference import EVERYWHERE, reference
from hostler.api.s3 import access, keys
from hostler.api.s3.access import Need
from hostler.api.s3.guard import Asked, Guard, Holding
from hostler.api.s3.kept import Elsewhere
from hostler.api.s3.table import OPERATIONS
from hostler.aws import sigv4
from hostler.aws.signing import sign
from hostler.domain.sender import Sender
from hostler.iam import context
from hostler.iam.evaluate import PolicyEngine
from hostler.iam.match import split
from known_keys import caller

ACCOUNT = "123456789012"
NOW = time.time()
SENDER = Sender("10.1.2.3", secured=True, tls="1.3")
SAMPLE = {
    "Bucket": "main",
    "Key": "k",
    "CopySource": "main/source",
    "CreateBucketConfiguration": {"Tags": [{"Key": "team", "Value": "rc"}]},
    "UploadId": "u",
}
TAGGING = {
    "PutObject": "team=rc",
    "CreateMultipartUpload": "team=rc",
    "PutObjectTagging": {"TagSet": [{"Key": "team", "Value": "rc"}]},
}
CONTINUING = ("UploadPart", "UploadPartCopy", "CompleteMultipartUpload")


def needs(operation: str, **more: Any) -> list[Need]:
    if operation == "DeleteObjects":
        return [access.deleting("main", "k", more.get("VersionId"), None)]
    return [*access.needed(operation, {**SAMPLE, "Tagging": TAGGING.get(operation), **more})]


EVERY = [
    (name, need, version)
    for name in sorted(OPERATIONS)
    for version in ("", "v" * 32)
    for need in needs(name, **({"VersionId": version} if version else {}))
]
EVERY += [
    ("CopyObject", access.reading("main", "source", None, action), "")
    for action in ("s3:GetObject", "s3:GetObjectTagging")
]


def common() -> dict[str, Any]:
    """The keys that every request has."""
    headers = sign(
        "GET",
        "/main/k",
        (("host", "localhost"),),
        "0" * 64,
        access_key_id="AK",
        secret="s",
        region="us-east-1",
        service="s3",
        now=NOW,
    )
    presented = sigv4.present("GET", "/main/k", headers)
    return {
        "aws:RequestedRegion": "us-east-1",
        **context.times(NOW),
        **context.of_request(SENDER, agent="Boto3", referer=None),
        **keys.of_request(presented, SENDER, NOW),
    }


def known(need: Need, key: str) -> bool:
    guard = Guard(PolicyEngine(), "us-east-1", Elsewhere(ACCOUNT))
    asked = Asked(caller([key], ACCOUNT), common(), {"main": Holding(ACCOUNT)})
    return guard.decide(asked, need).allowed


def test_every_operation_has_an_action() -> None:
    assert set(access.ACTIONS) | {"DeleteObjects"} == set(OPERATIONS)


def test_it_needs_an_action_of_the_reference_on_its_resource() -> None:
    for _, need, _ in EVERY:
        authorized = reference("s3")[need.action.removeprefix("s3:")]
        kinds = authorized.always | authorized.maybe
        path = split(need.arn("us-east-1"))[-1]
        found = "object" if "/" in path else "bucket"
        assert {found} == kinds or (path == "*" and not kinds), need


def test_every_condition_key_of_it_is_known() -> None:
    """What only the index knows is told by it: tags of objects, and what uploads began with."""
    for name, need, _ in EVERY:
        more = keys.of_existing({"team": "red"})
        if name in CONTINUING:
            more = {**more, **keys.of_new_object({}, ())}
        told = replace(need, context={**need.context, **more})
        expected = {*reference("s3")[need.action.removeprefix("s3:")].keys, *EVERYWHERE}
        assert [key for key in sorted(expected) if not known(told, key)] == [], (name, need)


def test_a_key_that_an_action_does_not_have_is_not_known() -> None:
    (need,) = access.needed("GetObject", {"Bucket": "main", "Key": "k"})
    assert not known(need, "s3:ExistingObjectTag/team"), "the index has not been asked"
    assert not known(need, "s3:x-amz-acl")
