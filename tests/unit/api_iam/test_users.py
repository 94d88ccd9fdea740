"""Users and their access keys."""

import re
from typing import Any

import pytest

from hostler.domain.uses import Use
from hostler.store import identities
from hostler.store.database import Store

ARN = "arn:aws:iam::123456789012:user"


def test_a_user_from_birth_to_death(root: Any) -> None:
    made = root("CreateUser", UserName="Bob", Path="/team/", Tags=[{"Key": "Team", "Value": "rc"}])[
        "User"
    ]
    assert made["Arn"] == f"{ARN}/team/Bob"
    assert re.fullmatch(r"AIDA[A-Z2-7]{17}", made["UserId"])
    assert made["CreateDate"] == 1_700_000_000
    assert root("GetUser", UserName="Bob")["User"] == made
    assert made["Tags"] == [{"Key": "Team", "Value": "rc"}]
    (listed,) = root("ListUsers")["Users"]
    assert listed == {name: value for name, value in made.items() if name != "Tags"}
    assert root("ListUsers", PathPrefix="/other/")["Users"] == []
    assert root("ListUsers", PathPrefix="/TEAM/")["Users"] == []
    assert root("ListGroupsForUser", UserName="Bob")["Groups"] == []
    root("DeleteUser", UserName="Bob")
    gone = root.refused("NoSuchEntity", "GetUser", UserName="Bob")
    assert (gone.status, gone.message) == (404, "The user with name Bob cannot be found.")


def test_names_are_unique_regardless_of_case(root: Any) -> None:
    root("CreateUser", UserName="Bob")
    twice = root.refused("EntityAlreadyExists", "CreateUser", UserName="bob", Path="/x/")
    assert (twice.status, twice.message) == (409, "User with name bob already exists.")
    assert root("GetUser", UserName="BOB")["User"]["UserName"] == "Bob"


def test_a_name_that_comes_back_inherits_nothing(root: Any, document: Any) -> None:
    first = root("CreateUser", UserName="Bob", Tags=[{"Key": "a", "Value": "b"}])["User"]
    root("PutUserPolicy", UserName="Bob", PolicyName="p", PolicyDocument=document("s3:*"))
    root("DeleteUserPolicy", UserName="Bob", PolicyName="p")
    root("DeleteUser", UserName="Bob")
    second = root("CreateUser", UserName="Bob")["User"]
    assert second["UserId"] != first["UserId"]
    assert root("ListUserTags", UserName="Bob")["Tags"] == []


def test_what_hangs_on_a_user_keeps_it(root: Any, document: Any) -> None:
    root("CreateUser", UserName="Bob")
    key = root("CreateAccessKey", UserName="Bob")["AccessKey"]["AccessKeyId"]
    root("PutUserPolicy", UserName="Bob", PolicyName="p", PolicyDocument=document("s3:*"))
    managed = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    root("AttachUserPolicy", UserName="Bob", PolicyArn=managed)

    def conflict() -> str:
        error = root.refused("DeleteConflict", "DeleteUser", UserName="Bob")
        assert error.status == 409
        return str(error.message)

    assert conflict() == "Cannot delete entity, must detach all policies first."
    root("DetachUserPolicy", UserName="Bob", PolicyArn=managed)
    assert conflict() == "Cannot delete entity, must delete policies first."
    root("DeleteUserPolicy", UserName="Bob", PolicyName="p")
    assert conflict() == "Cannot delete entity, must delete access keys first."
    root("DeleteAccessKey", UserName="Bob", AccessKeyId=key)
    root("DeleteUser", UserName="Bob")


def test_a_renamed_user_keeps_its_keys_and_id(root: Any, store: Store) -> None:
    made = root("CreateUser", UserName="Bob")["User"]
    key = root("CreateAccessKey", UserName="Bob")["AccessKey"]["AccessKeyId"]
    root("CreateUser", UserName="Eve")
    root.refused("EntityAlreadyExists", "UpdateUser", UserName="Bob", NewUserName="EVE")
    root("UpdateUser", UserName="Bob", NewUserName="Robert", NewPath="/x/")
    assert root("GetUser", UserName="Robert")["User"]["UserId"] == made["UserId"]
    found = store.run(lambda tx: identities.credential(tx, key))
    assert found is not None
    assert found[1].arn == f"{ARN}/x/Robert"


def test_renaming_needs_the_permission_on_the_new_name_too(root: Any, document: Any) -> None:
    root("CreateUser", UserName="Bob", Path="/x/")
    mine = document("iam:UpdateUser", f"{ARN}/x/*")
    root("PutUserPolicy", UserName="Bob", PolicyName="p", PolicyDocument=mine)
    bob = root.named("Bob")
    error = bob.refused("AccessDeniedException", "UpdateUser", UserName="Bob", NewPath="/admin/")
    assert f"on resource: {ARN}/admin/Bob" in error.message
    bob("UpdateUser", UserName="Bob", NewUserName="Bobby")


def test_without_a_name_the_caller_is_meant(root: Any, document: Any) -> None:
    root("CreateUser", UserName="Bob")
    root("PutUserPolicy", UserName="Bob", PolicyName="p", PolicyDocument=document("iam:*"))
    bob = root.named("Bob")
    assert bob("GetUser")["User"]["UserName"] == "Bob"
    key = bob("CreateAccessKey")["AccessKey"]["AccessKeyId"]
    listed = bob("ListAccessKeys")["AccessKeyMetadata"]
    assert [(one["UserName"], one["AccessKeyId"]) for one in listed] == [("Bob", key)]
    itself = root("GetUser")["User"]
    assert itself["Arn"] == "arn:aws:iam::123456789012:root"
    assert itself["UserId"] == "123456789012"
    assert "UserName" not in itself


def test_an_access_key_tells_its_secret_once(root: Any, store: Store) -> None:
    root("CreateUser", UserName="Bob")
    key = root("CreateAccessKey", UserName="Bob")["AccessKey"]
    assert re.fullmatch(r"AKIA[A-Z2-7]{16}", key["AccessKeyId"])
    assert re.fullmatch(r"[A-Za-z0-9+/]{40}", key["SecretAccessKey"])
    assert key["Status"] == "Active"
    (listed,) = root("ListAccessKeys", UserName="Bob")["AccessKeyMetadata"]
    assert "SecretAccessKey" not in listed

    def known() -> bool:
        return store.run(lambda tx: identities.credential(tx, key["AccessKeyId"])) is not None

    assert known()
    for status in ("Inactive", "Active"):
        root("UpdateAccessKey", UserName="Bob", AccessKeyId=key["AccessKeyId"], Status=status)
        assert known() is (status == "Active")
    root.refused(
        "ValidationError",
        "UpdateAccessKey",
        UserName="Bob",
        AccessKeyId=key["AccessKeyId"],
        Status="Expired",
    )
    assert known()
    root("DeleteAccessKey", UserName="Bob", AccessKeyId=key["AccessKeyId"])
    assert not known()


def test_access_keys_belong_to_one_user_and_are_two_at_most(root: Any) -> None:
    root("CreateUser", UserName="Bob")
    root("CreateUser", UserName="Eve")
    key = root("CreateAccessKey", UserName="Bob")["AccessKey"]["AccessKeyId"]
    error = root.refused("NoSuchEntity", "DeleteAccessKey", UserName="Eve", AccessKeyId=key)
    assert error.message == f"The Access Key with id {key} cannot be found."
    root("CreateAccessKey", UserName="Bob")
    error = root.refused("LimitExceeded", "CreateAccessKey", UserName="Bob")
    assert error.message == "Cannot exceed quota for AccessKeysPerUser: 2"


def test_the_last_use_of_a_key(root: Any, stranger: Any, document: Any, store: Store) -> None:
    root("CreateUser", UserName="Bob", Path="/x/")
    key = root("CreateAccessKey", UserName="Bob")["AccessKey"]["AccessKeyId"]
    found = root("GetAccessKeyLastUsed", AccessKeyId=key)
    never = {"ServiceName": "N/A", "Region": "N/A"}
    assert found == {"UserName": "Bob", "AccessKeyLastUsed": never}
    use = Use(1_700_000_100.5, "sagemaker", "eu-west-1")
    store.run(lambda tx: identities.note_uses(tx, {key: use}), write=True)
    told = {
        "LastUsedDate": 1_700_000_100,
        "ServiceName": "sagemaker",
        "Region": "eu-west-1",
    }
    assert root("GetAccessKeyLastUsed", AccessKeyId=key)["AccessKeyLastUsed"] == told
    root("UpdateAccessKey", UserName="Bob", AccessKeyId=key, Status="Inactive")
    assert root("GetAccessKeyLastUsed", AccessKeyId=key)["AccessKeyLastUsed"] == told
    stranger.refused("NoSuchEntity", "GetAccessKeyLastUsed", AccessKeyId=key)
    mine = document("iam:GetAccessKeyLastUsed", f"{ARN}/y/*")
    root("PutUserPolicy", UserName="Bob", PolicyName="p", PolicyDocument=mine)
    root.named("Bob").refused("AccessDeniedException", "GetAccessKeyLastUsed", AccessKeyId=key)


def test_users_come_in_pages(root: Any) -> None:
    names = ["ann", "Bob", "cid", "Dan", "eve"]
    for name in names:
        root("CreateUser", UserName=name)
    seen: list[str] = []
    more: dict[str, Any] = {}
    while True:
        page = root("ListUsers", MaxItems=2, **more)
        seen += [user["UserName"] for user in page["Users"]]
        if not page["IsTruncated"]:
            assert "Marker" not in page
            break
        more = {"Marker": page["Marker"]}
    assert seen == names
    root.refused("ValidationError", "ListUsers", Marker="%%%")


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ([{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}], "InvalidInput"),
        ([{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "1"}], "InvalidInput"),
        ([{"Key": "aws:x", "Value": "1"}], "InvalidInput"),
        ([{"Key": f"k{number}", "Value": ""} for number in range(51)], "LimitExceeded"),
    ],
)
def test_tags_that_cannot_be(root: Any, tags: Any, code: str) -> None:
    root("CreateUser", UserName="Bob")
    root.refused(code, "TagUser", UserName="Bob", Tags=tags)
    root.refused(code, "CreateUser", UserName="Eve", Tags=tags)
    root.refused("NoSuchEntity", "GetUser", UserName="Eve")


def test_tags_are_one_regardless_of_case(root: Any) -> None:
    root("CreateUser", UserName="Bob")
    root("TagUser", UserName="Bob", Tags=[{"Key": "Team", "Value": "a"}, {"Key": "b", "Value": ""}])
    root("TagUser", UserName="Bob", Tags=[{"Key": "team", "Value": "c"}])
    assert root("ListUserTags", UserName="Bob")["Tags"] == [
        {"Key": "b", "Value": ""},
        {"Key": "team", "Value": "c"},
    ]
    page = root("ListUserTags", UserName="Bob", MaxItems=1)
    assert page["IsTruncated"]
    rest = root("ListUserTags", UserName="Bob", Marker=page["Marker"])
    assert rest["Tags"] == [{"Key": "team", "Value": "c"}]
    root("UntagUser", UserName="Bob", TagKeys=["TEAM", "other"])
    assert root("ListUserTags", UserName="Bob")["Tags"] == [{"Key": "b", "Value": ""}]
