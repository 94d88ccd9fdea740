"""Every input member of every implemented operation acts, or is refused by its name."""

from collections.abc import Iterator

import pytest

from hostler.api import members
from hostler.api.members import Refused
from hostler.api.s3 import access, fates
from hostler.api.s3.table import OPERATIONS
from hostler.aws import specs
from hostler.aws.shapes import Shape
from hostler.domain.errors import CallerError


def leaves(shape: Shape, path: str) -> Iterator[str]:
    match shape.type:
        case "structure":
            for name, member in shape.members.items():
                yield from leaves(member, f"{path}.{name}" if path else name)
        case "list" if shape.member.type == "structure":
            yield from leaves(shape.member, f"{path}[]")
        case _:
            yield path


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_member_has_a_fate(name: str) -> None:
    operation = specs.service("s3").operation(name)
    assert operation is not None
    table = OPERATIONS[name].members
    shape = operation.input
    paths = list(leaves(shape, "")) if shape else []
    assert [path for path in paths if members.fate(table, path) is None] == []


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_refused_member_is_refused_by_its_name(name: str) -> None:
    operation = specs.service("s3").operation(name)
    assert operation is not None
    table = OPERATIONS[name].members
    for path in leaves(operation.input, "") if operation.input else ():
        if isinstance(members.fate(table, path), Refused) and "." not in path:
            with pytest.raises(CallerError, match=path) as caught:
                members.refuse(table, {path: "x"}, code="NotImplemented")
            assert caught.value.code == "NotImplemented"


def test_every_operation_has_an_action() -> None:
    assert OPERATIONS.keys() - access.ACTIONS.keys() == {"DeleteObjects"}


@pytest.mark.parametrize("name", OPERATIONS)
def test_naming_a_version_is_a_permission_of_its_own(name: str) -> None:
    operation = specs.service("s3").operation(name)
    assert operation is not None
    if operation.input is not None and "VersionId" in operation.input.members:
        assert "Version" in access.OF_VERSIONS[access.ACTIONS[name][0]]


def test_what_the_sagemaker_sdk_asks_for_when_it_repacks_is_accepted() -> None:
    asked = {"Bucket": "b", "Key": "k", "ServerSideEncryption": "aws:kms"}
    members.refuse(fates.members("PutObject"), asked, code="NotImplemented")
    members.refuse(fates.members("CreateMultipartUpload"), asked, code="NotImplemented")
