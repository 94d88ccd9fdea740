"""Each input member has a declared fate, and the refused ones are refused by their names."""

from collections.abc import Iterator
from typing import Any

import pytest

from hostler.api import members, tables
from hostler.api.autoscaling.members import BY_OPERATION as AUTOSCALING
from hostler.api.cloudwatch.members import BY_OPERATION as CLOUDWATCH
from hostler.api.logs.members import BY_OPERATION as LOGS
from hostler.api.members import ACTS, Acts, Echoed, Only, Refused
from hostler.api.sagemaker.members import BY_OPERATION as SAGEMAKER
from hostler.api.sns.members import BY_OPERATION as SNS
from hostler.aws import specs
from hostler.aws.shapes import Shape
from hostler.domain.errors import CallerError

TABLES = {
    "sagemaker": SAGEMAKER,
    "logs": LOGS,
    "cloudwatch": CLOUDWATCH,
    "application-autoscaling": AUTOSCALING,
    "sns": SNS,
}
OPERATIONS = [
    (service, operation) for service, table in TABLES.items() for operation in sorted(table)
]


def leaves(shape: Shape, path: str = "", around: tuple[str, ...] = ()) -> Iterator[str]:
    """Every leaf below a shape: scalars and maps; a shape within itself is a leaf."""
    if shape.type == "structure" and shape.name not in around:
        for name, member in shape.members.items():
            below = f"{path}.{name}" if path else name
            yield from leaves(member, below, (*around, shape.name))
    elif shape.type == "list":
        yield from leaves(shape.member, f"{path}[]", around)
    else:
        yield path


def sample(shape: Shape, around: tuple[str, ...] = ()) -> Any:
    """A value of a shape in which everything below is set."""
    match shape.type:
        case "structure":
            if shape.name in around:
                return {}
            return {n: sample(m, (*around, shape.name)) for n, m in shape.members.items()}
        case "list":
            return [sample(shape.member, around)]
        case "map":
            return {"Name": "value"}
        case "boolean":
            return True
        case "integer" | "long" | "float" | "double" | "timestamp":
            return 7
        case _:
            return "text"


def input_of(service: str, operation: str) -> Shape:
    found = specs.service(service).operation(operation)
    assert found is not None
    assert found.input is not None
    return found.input


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
def test_every_leaf_of_the_model_is_declared(service: str, operation: str) -> None:
    table = TABLES[service][operation]
    undeclared = [
        path for path in leaves(input_of(service, operation)) if members.fate(table, path) is None
    ]
    assert undeclared == []


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
def test_nothing_is_declared_that_the_model_lacks(service: str, operation: str) -> None:
    found = list(leaves(input_of(service, operation)))
    declared = TABLES[service][operation]
    stale = [
        path
        for path, fate in declared.items()
        if path not in found
        and not (
            isinstance(fate, Refused)
            and any(leaf.startswith((f"{path}.", f"{path}[")) for leaf in found)
        )
    ]
    assert stale == []


@pytest.mark.parametrize("service", TABLES)
def test_every_operation_has_its_table(service: str) -> None:
    table = next(table for table in tables.TABLES if table.service == service)
    assert set(table.operations) == set(TABLES[service])
    for name, operation in table.operations.items():
        assert operation.members is TABLES[service][name]


def given(path: str, value: Any) -> dict[str, Any]:
    """A request in which only this path is set."""
    name, _, rest = path.partition(".")
    inner = given(rest, value) if rest else value
    return {name.removesuffix("[]"): [inner]} if name.endswith("[]") else {name: inner}


REFUSALS = [
    (service, operation, path)
    for service, operation in OPERATIONS
    for path, fate in TABLES[service][operation].items()
    if isinstance(fate, Refused | Only)
]


def shape_at(shape: Shape, path: str) -> Shape:
    for name in path.split("."):
        shape = shape.members[name.removesuffix("[]")]
        if name.endswith("[]"):
            shape = shape.member
    return shape


@pytest.mark.parametrize(("service", "operation", "path"), REFUSALS)
def test_a_refused_member_is_named(service: str, operation: str, path: str) -> None:
    table = TABLES[service][operation]
    value = sample(shape_at(input_of(service, operation), path))
    with pytest.raises(CallerError) as caught:
        members.refuse(table, given(path, value))
    assert caught.value.code == "ValidationException"
    assert path.rpartition(".")[2].removesuffix("[]") in caught.value.message


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
def test_what_acts_passes(service: str, operation: str) -> None:
    table = TABLES[service][operation]
    for path, fate in table.items():
        match fate:
            case Acts() | Echoed():
                members.refuse(
                    table, given(path, sample(shape_at(input_of(service, operation), path)))
                )
            case Only(values):
                for value in values:
                    members.refuse(table, given(path, value))
            case Refused():
                members.refuse(table, given(path, {}))
                members.refuse(table, given(path, []))


def test_a_member_of_a_newer_model_is_refused() -> None:
    with pytest.raises(CallerError, match=r"Outer\.Newer is not supported"):
        members.refuse({"Outer.Known": ACTS}, {"Outer": {"Known": 1, "Newer": {"Deep": False}}})


def test_the_index_of_a_refused_item_is_shown() -> None:
    variants = [
        {"VariantName": "a"},
        {"VariantName": "b", "CoreDumpConfig": {"DestinationS3Uri": "s3://a/b"}},
    ]
    with pytest.raises(CallerError, match=r"ProductionVariants\[1\]\.CoreDumpConfig is not"):
        members.refuse(SAGEMAKER["CreateEndpointConfig"], {"ProductionVariants": variants})
