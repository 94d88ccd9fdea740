"""Identities and policies in the shapes of IAM's answers.

Invariant: policy documents leave as IAM writes them, URL-encoded (RFC 3986); clients decode them.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from hostler.store.identities.entities import Identity
from hostler.store.identities.policies import ManagedPolicy, Usage, Version

Shape = dict[str, Any]


def document(text: str) -> str:
    return quote(text, safe="")


def moment(seconds: float) -> int:
    """IAM's times have whole seconds."""
    return int(seconds)


def tag_list(tags: Mapping[str, str]) -> list[Shape]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def user(one: Identity, tags: Mapping[str, str] | None = None) -> Shape:
    """Lists give neither tags (None) nor the boundary."""
    return {
        "Path": one.path,
        "UserName": one.name,
        "UserId": one.id,
        "Arn": one.arn,
        "CreateDate": moment(one.created),
        **_described(one, tags),
    }


def group(one: Identity) -> Shape:
    return {
        "Path": one.path,
        "GroupName": one.name,
        "GroupId": one.id,
        "Arn": one.arn,
        "CreateDate": moment(one.created),
    }


def role(one: Identity, tags: Mapping[str, str] | None = None) -> Shape:
    """Lists give neither tags (None) nor the boundary."""
    return {
        "Path": one.path,
        "RoleName": one.name,
        "RoleId": one.id,
        "Arn": one.arn,
        "CreateDate": moment(one.created),
        "AssumeRolePolicyDocument": document(one.trust),
        **({"Description": one.description} if one.description else {}),
        "MaxSessionDuration": one.session_seconds_max,
        **_described(one, tags),
    }


def boundary(one: Identity) -> Shape:
    """The member PermissionsBoundary, where there is one."""
    if one.boundary is None:
        return {}
    found = {
        "PermissionsBoundaryType": "PermissionsBoundaryPolicy",
        "PermissionsBoundaryArn": one.boundary,
    }
    return {"PermissionsBoundary": found}


def _described(one: Identity, tags: Mapping[str, str] | None) -> Shape:
    if tags is None:
        return {}
    return {**boundary(one), **({"Tags": tag_list(tags)} if tags else {})}


def policy(
    one: ManagedPolicy, used: Usage, *, described: bool, tags: Mapping[str, str] | None = None
) -> Shape:
    return {
        "PolicyName": one.name,
        "PolicyId": one.id,
        "Arn": one.arn,
        "Path": one.path,
        "DefaultVersionId": version_id(one.default_version),
        "AttachmentCount": used.attached,
        "PermissionsBoundaryUsageCount": used.as_boundary,
        "IsAttachable": True,
        **({"Description": one.description} if described and one.description else {}),
        "CreateDate": moment(one.created),
        "UpdateDate": moment(one.updated),
        **({"Tags": tag_list(tags)} if tags else {}),
    }


def version(one: Version, default: int, *, with_document: bool) -> Shape:
    return {
        **({"Document": document(one.document)} if with_document else {}),
        "VersionId": version_id(one.number),
        "IsDefaultVersion": one.number == default,
        "CreateDate": moment(one.created),
    }


def version_id(number: int) -> str:
    return f"v{number}"
