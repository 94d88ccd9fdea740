"""Every constraint of a model, in AWS's own words."""

from typing import Any

import pytest

from hostler.aws import specs
from hostler.aws.validate import validate
from hostler.domain.errors import CallerError


def refusal(service: str, operation: str, params: dict[str, Any]) -> CallerError:
    known = specs.service(service).operation(operation)
    assert known is not None
    with pytest.raises(CallerError) as raised:
        validate(known, params)
    return raised.value


def config(**variant: Any) -> dict[str, Any]:
    return {
        "EndpointConfigName": "demo",
        "ProductionVariants": [{"VariantName": "a", "ModelName": "m", **variant}],
    }


def test_an_enum_in_a_list_of_structures() -> None:
    error = refusal("sagemaker", "CreateEndpointConfig", config(InstanceType="ml.t3.medium"))
    assert error.code == "ValidationException"
    assert error.message.startswith(
        "1 validation error detected: Value 'ml.t3.medium' at "
        "'productionVariants.1.member.instanceType' failed to satisfy constraint: "
        "Member must satisfy enum value set: [ml.t2.medium, ml.t2.large, "
    )


def test_several_are_counted_and_joined() -> None:
    params = config(InitialVariantWeight=-1.0, InitialInstanceCount=0)
    error = refusal("sagemaker", "CreateEndpointConfig", {**params, "EndpointConfigName": "a b"})
    assert error.message == (
        "3 validation errors detected: "
        "Value 'a b' at 'endpointConfigName' failed to satisfy constraint: Member must satisfy "
        "regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}; "
        "Value '0' at 'productionVariants.1.member.initialInstanceCount' failed to satisfy "
        "constraint: Member must have value greater than or equal to 1; "
        "Value '-1.0' at 'productionVariants.1.member.initialVariantWeight' failed to satisfy "
        "constraint: Member must have value greater than or equal to 0"
    )


def test_what_is_required_must_not_be_null() -> None:
    error = refusal("sagemaker", "DescribeEndpoint", {})
    assert error.message == (
        "1 validation error detected: Value null at 'endpointName' failed to satisfy constraint: "
        "Member must not be null"
    )


def test_what_is_too_long_is_not_matched_as_well() -> None:
    error = refusal("sagemaker", "DescribeEndpoint", {"EndpointName": "-" * 64})
    assert error.message == (
        f"1 validation error detected: Value '{'-' * 64}' at 'endpointName' failed to satisfy "
        "constraint: Member must have length less than or equal to 63"
    )


def test_the_pattern_comes_before_the_length() -> None:
    error = refusal("logs", "DescribeLogStreams", {"logGroupName": ""})
    assert error.code == "InvalidParameterException"
    pattern, length = error.message.split("; ")
    assert "2 validation errors detected: Value '' at 'logGroupName'" in pattern
    assert "regular expression pattern" in pattern
    assert length.endswith("Member must have length greater than or equal to 1")


def test_values_of_a_list_are_told_with_all_their_rules() -> None:
    params = {
        "ModelName": "m",
        "VpcConfig": {"SecurityGroupIds": ["sg-1", "a b"], "Subnets": ["subnet-1"]},
    }
    assert refusal("sagemaker", "CreateModel", params).message == (
        "1 validation error detected: Value '[sg-1, a b]' at 'vpcConfig.securityGroupIds' failed "
        "to satisfy constraint: Member must satisfy constraint: [Member must have length less than "
        "or equal to 32, Member must have length greater than or equal to 0, Member must satisfy "
        "regular expression pattern: [-0-9a-zA-Z]+]"
    )


def test_keys_and_values_of_a_map() -> None:
    params = {"ModelName": "m", "PrimaryContainer": {"Environment": {"a b": "x" * 1025}}}
    keys, values = refusal("sagemaker", "CreateModel", params).message.split("; ")
    where = "at 'primaryContainer.environment' failed to satisfy constraint:"
    assert f"{where} Map keys must satisfy constraint: [Member must have length less" in keys
    assert f"{where} Map value must satisfy constraint: [Member must have length less" in values


def test_the_size_of_a_list() -> None:
    params = {"ModelName": "m", "VpcConfig": {"SecurityGroupIds": ["a"], "Subnets": []}}
    assert refusal("sagemaker", "CreateModel", params).message == (
        "1 validation error detected: Value '[]' at 'vpcConfig.subnets' failed to satisfy "
        "constraint: Member must have length greater than or equal to 1"
    )


def test_null_in_a_list() -> None:
    error = refusal("sagemaker", "CreateModel", {"ModelName": "m", "Tags": [None]})
    assert "Value null at 'tags.1.member' failed to satisfy" in error.message


def test_a_sensitive_value_is_not_repeated() -> None:
    params = {"UserName": "u", "Password": ""}
    message = refusal("iam", "CreateLoginProfile", params).message
    assert "Value at 'password' failed to satisfy constraint: Member must have length" in message


def test_iam_words_names_for_people() -> None:
    error = refusal("iam", "CreateUser", {"UserName": "a b"})
    assert error.code == "ValidationError"
    assert error.message == (
        "1 validation error detected: Value 'a b' at 'userName' failed to satisfy constraint: The "
        "specified value for userName is invalid. It must contain only alphanumeric characters "
        "and/or the following: +=,.@_-"
    )


def test_the_runtime_has_its_own_code() -> None:
    params = {"EndpointName": "a b", "Body": b"x" * 20_000_000}
    error = refusal("sagemaker-runtime", "InvokeEndpoint", params)
    assert error.code == "ValidationError"
    assert "'endpointName'" in error.message
    assert "'body'" not in error.message  # its limit is the gateway's


def test_a_long_value_is_shown_in_part() -> None:
    error = refusal("sagemaker", "DescribeEndpoint", {"EndpointName": "a" * 1_000_000})
    assert len(error.message) < 5_000


def test_many_violations_are_bounded() -> None:
    tags = [{"Key": "", "Value": "v"}] * 10_000
    error = refusal("sagemaker", "AddTags", {"ResourceArn": "arn:aws:x", "Tags": tags[:50]})
    assert error.message.startswith("50 validation errors detected")


def test_what_is_right_passes() -> None:
    operation = specs.service("sagemaker").operation("CreateEndpointConfig")
    assert operation is not None
    validate(operation, config(InstanceType="ml.m5.large", InitialInstanceCount=1))
    validate(operation, {**config(), "NotInTheModel": 1})
