"""What becomes of each input member of the logs operations.

Invariant: as in ``api.sagemaker.members``: each leaf is here, or below a structure that is refused.
"""

from collections.abc import Mapping

from hostler.api.members import ACTS, Echoed, Members, Only, Refused

_LINKED = Refused("there are no linked accounts")
_STANDARD = Only(frozenset({"STANDARD"}), "log groups have one class here")
_MASKING = Echoed("nothing is masked, so everything is shown unmasked")

_OF_A_GROUP = Refused("policies are of the whole account; their Resource names a group")

_GROUP: Members = {"logGroupName": ACTS, "logGroupIdentifier": ACTS}

BY_OPERATION: Mapping[str, Members] = {
    "DescribeLogGroups": {
        "accountIdentifiers": _LINKED,
        "logGroupNamePrefix": ACTS,
        "logGroupNamePattern": ACTS,
        "nextToken": ACTS,
        "limit": ACTS,
        "includeLinkedAccounts": Only(frozenset({False}), "there are no linked accounts"),
        "logGroupClass": _STANDARD,
        "logGroupIdentifiers": Refused("ask by logGroupNamePrefix"),
    },
    "DescribeLogStreams": {
        **_GROUP,
        "logStreamNamePrefix": ACTS,
        "orderBy": ACTS,
        "descending": ACTS,
        "nextToken": ACTS,
        "limit": ACTS,
    },
    "GetLogEvents": {
        **_GROUP,
        "logStreamName": ACTS,
        "startTime": ACTS,
        "endTime": ACTS,
        "nextToken": ACTS,
        "limit": ACTS,
        "startFromHead": ACTS,
        "unmask": _MASKING,
    },
    "FilterLogEvents": {
        **_GROUP,
        "logStreamNames[]": ACTS,
        "logStreamNamePrefix": ACTS,
        "startTime": ACTS,
        "endTime": ACTS,
        "filterPattern": ACTS,
        "nextToken": ACTS,
        "limit": ACTS,
        "startFromHead": ACTS,
        "interleaved": Echoed("AWS has ignored it since 2019: streams are always interleaved"),
        "unmask": _MASKING,
    },
    "CreateLogGroup": {
        "logGroupName": ACTS,
        "kmsKeyId": Refused("there is no KMS here"),
        "tags": ACTS,
        "logGroupClass": _STANDARD,
        "deletionProtectionEnabled": Only(
            frozenset({False}), "log groups have no deletion protection"
        ),
    },
    "CreateLogStream": {"logGroupName": ACTS, "logStreamName": ACTS},
    "PutLogEvents": {
        "logGroupName": ACTS,
        "logStreamName": ACTS,
        "logEvents[].timestamp": ACTS,
        "logEvents[].message": ACTS,
        "sequenceToken": Echoed("AWS ignores it since 2023"),
        "entity": Refused("entities do not exist here"),
    },
    "DeleteLogGroup": {"logGroupName": ACTS},
    "DeleteLogStream": {"logGroupName": ACTS, "logStreamName": ACTS},
    "PutRetentionPolicy": {"logGroupName": ACTS, "retentionInDays": ACTS},
    "DeleteRetentionPolicy": {"logGroupName": ACTS},
    "TagResource": {"resourceArn": ACTS, "tags": ACTS},
    "UntagResource": {"resourceArn": ACTS, "tagKeys[]": ACTS},
    "ListTagsForResource": {"resourceArn": ACTS},
    "TagLogGroup": {"logGroupName": ACTS, "tags": ACTS},
    "UntagLogGroup": {"logGroupName": ACTS, "tags[]": ACTS},
    "ListTagsLogGroup": {"logGroupName": ACTS},
    "PutResourcePolicy": {
        "policyName": ACTS,
        "policyDocument": ACTS,
        "resourceArn": _OF_A_GROUP,
        "expectedRevisionId": _OF_A_GROUP,
    },
    "DescribeResourcePolicies": {
        "nextToken": ACTS,
        "limit": ACTS,
        "resourceArn": _OF_A_GROUP,
        "policyScope": Only(frozenset({"ACCOUNT"}), "policies are of the whole account"),
    },
    "DeleteResourcePolicy": {
        "policyName": ACTS,
        "resourceArn": _OF_A_GROUP,
        "expectedRevisionId": _OF_A_GROUP,
    },
}
