"""Every List and every Create: one table of operations, the same questions to each."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from botocore.exceptions import ClientError

from hostler.domain.config import Quotas
from hostler.domain.endpoint import EndpointStatus
from hostler.store import endpoints

ROLE = "arn:aws:iam::123456789012:role/SageMaker-Rc-Project-a-ExecutionRole"
CREATED = ["Delta", "alpha", "Charlie", "bravo", "echo"]


@dataclass(frozen=True)
class Noun:
    """A kind of resource: how one is made and listed."""

    name: str
    make: Callable[..., dict[str, Any]]
    quota: str
    limit: str
    sort_keys: tuple[str, ...] = ("Name", "CreationTime")

    def create(self, client: Any, name: str, **more: Any) -> Any:
        call = getattr(client, f"create_{self._snake}")
        return call(**{f"{self.name}Name": name}, **self.make(), **more)

    def listed(self, client: Any, **more: Any) -> Any:
        return getattr(client, f"list_{self._snake}s")(**more)

    def delete(self, client: Any, name: str) -> None:
        getattr(client, f"delete_{self._snake}")(**{f"{self.name}Name": name})

    def names(self, answer: Any) -> list[str]:
        return [one[f"{self.name}Name"] for one in answer[f"{self.name}s"]]

    @property
    def _snake(self) -> str:
        return "endpoint_config" if self.name == "EndpointConfig" else self.name.lower()


def variants() -> list[dict[str, Any]]:
    return [
        {
            "VariantName": "AllTraffic",
            "ModelName": "given-v1",
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
        }
    ]


MODEL = Noun(
    "Model",
    lambda: {"PrimaryContainer": {"Image": "image"}, "ExecutionRoleArn": ROLE},
    "models",
    "Number of models",
)
CONFIG = Noun(
    "EndpointConfig",
    lambda: {"ProductionVariants": variants()},
    "endpoint_configs",
    "Number of endpoint configurations",
)
ENDPOINT = Noun(
    "Endpoint",
    lambda: {"EndpointConfigName": "given-config"},
    "endpoints",
    "Number of endpoints",
    ("Name", "CreationTime", "Status"),
)
NOUNS = {noun.name: noun for noun in (MODEL, CONFIG, ENDPOINT)}


@pytest.fixture(params=NOUNS)
def noun(request: pytest.FixtureRequest) -> Noun:
    return NOUNS[request.param]


@pytest.fixture
def client(sagemaker: Any, deployable: Any) -> Any:
    """One model and one config are there already, both called «given-…»."""
    deployable("given")
    return sagemaker


@pytest.fixture
def five(client: Any, noun: Noun) -> Iterator[Any]:
    for name in CREATED:
        noun.create(client, name)
    return client


def refused(code: str, call: Callable[..., Any], *args: Any, **params: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(*args, **params)
    assert caught.value.response["Error"]["Code"] == code
    return str(caught.value.response["Error"]["Message"])


def mine(noun: Noun, answer: Any) -> list[str]:
    return [name for name in noun.names(answer) if not name.startswith("given")]


def test_newest_first_ten_a_page(noun: Noun, five: Any) -> None:
    assert mine(noun, noun.listed(five)) == CREATED[::-1]
    for number in range(7):
        noun.create(five, f"more-{number}")
    first = noun.listed(five)
    assert len(noun.names(first)) == 10
    assert "NextToken" not in noun.listed(five, NextToken=first["NextToken"])


def test_sorted_pages_make_the_whole(noun: Noun, five: Any) -> None:
    for key, order in product(noun.sort_keys, ("Ascending", "Descending", None)):
        asked = {"SortBy": key} | ({"SortOrder": order} if order else {})
        whole = noun.names(noun.listed(five, **asked))
        if key == "Name":
            assert whole == sorted(whole, key=str.lower, reverse=order != "Ascending")
        found, token = [], {}
        for _ in range(10):
            answer = noun.listed(five, MaxResults=2, **asked, **token)
            assert len(noun.names(answer)) <= 2
            found += noun.names(answer)
            if "NextToken" not in answer:
                break
            token = {"NextToken": answer["NextToken"]}
        assert found == whole


@pytest.mark.parametrize("key", ["Name", "CreationTime"])
def test_a_page_goes_on_though_its_last_row_goes_and_others_come(
    noun: Noun, world: Any, five: Any, key: str
) -> None:
    asked = {"SortBy": key, "SortOrder": "Descending", "MaxResults": 2}
    whole = noun.names(noun.listed(five, SortBy=key, SortOrder="Descending"))
    first = noun.listed(five, **asked)
    if noun is ENDPOINT:
        for name in noun.names(first):
            gone(world, name)
    else:
        for name in noun.names(first):
            noun.delete(five, name)
    noun.create(five, "zulu")
    second = noun.listed(five, **asked, NextToken=first["NextToken"])
    assert noun.names(second) == whole[2:4]


def gone(world: Any, name: str) -> None:
    def remove(tx: Any) -> None:
        found = endpoints.get(tx, "123456789012", "us-east-1", name)
        assert found is not None
        endpoints.remove(tx, found.id)

    world.rooms.store.run(remove, write=True)


def test_filters(noun: Noun, five: Any) -> None:
    assert noun.names(noun.listed(five, NameContains="R")) == ["bravo", "Charlie"]
    answer = noun.listed(five, NameContains="a", SortOrder="Ascending")
    times = {one[f"{noun.name}Name"]: one["CreationTime"] for one in answer[f"{noun.name}s"]}
    after = noun.listed(five, CreationTimeAfter=times["Charlie"], SortOrder="Ascending")
    assert noun.names(after) == ["Charlie", "bravo", "echo"]
    until = noun.listed(five, CreationTimeBefore=times["Charlie"], SortOrder="Ascending")
    assert mine(noun, until) == ["Delta", "alpha"]
    none = noun.listed(five, CreationTimeAfter=times["bravo"] + timedelta(days=1))
    assert noun.names(none) == []


def test_endpoints_by_change_and_status(world: Any, client: Any) -> None:
    for name in CREATED:
        ENDPOINT.create(client, name)

    def settle(tx: Any) -> None:
        found = endpoints.get(tx, "123456789012", "us-east-1", "alpha")
        assert found is not None
        changed = replace(found, status=EndpointStatus.FAILED, modified=found.modified + 100)
        endpoints.save(tx, changed)

    world.rooms.store.run(settle, write=True)
    assert ENDPOINT.names(client.list_endpoints(StatusEquals="Failed")) == ["alpha"]
    (one,) = client.list_endpoints(StatusEquals="Failed")["Endpoints"]
    moment = one["LastModifiedTime"]
    assert ENDPOINT.names(client.list_endpoints(LastModifiedTimeAfter=moment)) == ["alpha"]
    assert len(client.list_endpoints(LastModifiedTimeBefore=moment)["Endpoints"]) == 4
    by_status = ENDPOINT.names(client.list_endpoints(SortBy="Status", SortOrder="Descending"))
    assert by_status[0] == "alpha"
    assert "enum value set" in refused(
        "ValidationException", client.list_endpoints, StatusEquals="Sleeping"
    )


BAD_LISTS: list[tuple[Any, str]] = [
    ({"MaxResults": 0}, "greater than or equal to 1"),
    ({"MaxResults": 101}, "less than or equal to 100"),
    ({"SortBy": "Size"}, "enum value set"),
    ({"SortOrder": "Sideways"}, "enum value set"),
    ({"NameContains": "a b"}, "regular expression"),
    ({"NextToken": "ff"}, "NextToken is not valid"),
    ({"NextToken": "5b2261222c312c226b225d"}, "NextToken is not valid"),
    ({"NextToken": "x" * 8193}, "length less than or equal to 8192"),
]


def test_what_a_list_refuses(noun: Noun, client: Any) -> None:
    for asked, said in BAD_LISTS:
        assert said in refused("ValidationException", noun.listed, client, **asked)


def test_an_altered_token_is_refused(noun: Noun, five: Any) -> None:
    token = noun.listed(five, MaxResults=2)["NextToken"]
    seal, value, key = json.loads(bytes.fromhex(token))
    assert noun.listed(five, NextToken=token)
    for other in ([seal, value + 1, key], [seal, "x", key], [seal, value, f"{key}a"]):
        altered = json.dumps(other).encode().hex()
        refused("ValidationException", noun.listed, five, NextToken=altered)


def test_a_token_belongs_to_its_query(noun: Noun, world: Any, five: Any) -> None:
    token = noun.listed(five, MaxResults=2)["NextToken"]
    noun.listed(five, MaxResults=50, NextToken=token)
    for other in ({"SortBy": "Name"}, {"SortOrder": "Ascending"}, {"NameContains": "a"}):
        assert "same filters" in refused(
            "ValidationException", noun.listed, five, NextToken=token, **other
        )
    for stranger in NOUNS.values():
        if stranger is not noun:
            refused("ValidationException", stranger.listed, five, NextToken=token)
    elsewhere = world.client("sagemaker", region="eu-west-1")
    refused("ValidationException", noun.listed, elsewhere, NextToken=token)


BAD_NAMES: list[tuple[Any, str]] = [
    ("a" * 64, "63"),
    ("-a", "regular expression"),
    ("a-", "regular expression"),
    ("a_b", "regular expression"),
    ("ä", "regular expression"),
    ("", "regular expression"),
]


def test_bad_names(noun: Noun, client: Any) -> None:
    for name, said in BAD_NAMES:
        assert said in refused("ValidationException", noun.create, client, name)


def test_good_names_are_unique_whatever_their_case(noun: Noun, client: Any) -> None:
    for name in ("a", "9", "a--b", "a" * 63):
        noun.create(client, name)
    noun.create(client, "Twice")
    assert refused("ValidationException", noun.create, client, "tWICE").startswith(
        "Cannot create already existing"
    )


BAD_TAGS: list[tuple[Any, str]] = [
    ([{"Key": f"k{n}", "Value": "v"} for n in range(51)], "50"),
    ([{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}], "Duplicate"),
    ([{"Key": "aws:x", "Value": "v"}], "reserved"),
    ([{"Key": "AWS:x", "Value": "v"}], "reserved"),
    ([{"Key": "", "Value": "v"}], "length greater than or equal to 1"),
    ([{"Key": "k" * 129, "Value": "v"}], "length less than or equal to 128"),
    ([{"Key": "k", "Value": "v" * 257}], "length less than or equal to 256"),
    ([{"Key": "k", "Value": "a*"}], "regular expression"),
    ([{"Key": "k"}], "Member must not be null"),
]


def test_bad_tags(noun: Noun, client: Any) -> None:
    for tags, said in BAD_TAGS:
        assert said in refused("ValidationException", noun.create, client, "tagged", Tags=tags)
    assert "tagged" not in noun.names(noun.listed(client))


def test_fifty_tags_of_any_length_allowed(noun: Noun, client: Any) -> None:
    long = {"Key": "k" * 128, "Value": "v" * 256}
    tags = [{"Key": f"k{n}", "Value": ""} for n in range(49)] + [long]
    (arn,) = (v for k, v in noun.create(client, "tagged", Tags=tags).items() if k.endswith("Arn"))
    found = client.list_tags(ResourceArn=arn)["Tags"]
    assert sorted(found, key=str) == sorted(tags, key=str)
    one_more = [{"Key": "one", "Value": "more"}]
    refused("ValidationException", client.add_tags, ResourceArn=arn, Tags=one_more)


def limited(world: Any, quotas: Quotas) -> None:
    object.__setattr__(world.rooms, "quotas", lambda: quotas)


def test_quotas(noun: Noun, world: Any, client: Any) -> None:
    have = len(noun.names(noun.listed(client)))
    limited(world, Quotas(**{noun.quota: have + 1}))
    noun.create(client, "fits")
    said = refused("ResourceLimitExceeded", noun.create, client, "excess")
    unit = noun.limit.removeprefix("Number of ").title()
    assert said.startswith(
        f"The account-level service limit '{noun.limit}' is {have + 1} {unit}, with current "
        f"utilization of {have + 1} {unit} and a request delta of 1 {unit}. Please contact AWS "
        "support to request an increase for this limit."
    )
    elsewhere = world.client("sagemaker", region="eu-west-1")
    if noun is MODEL:
        noun.create(elsewhere, "another-region-counts-for-itself")


def test_instances_in_use_count(world: Any, client: Any) -> None:
    limited(world, Quotas(instances_by_type={"ml.m5.xlarge": 2}))
    ENDPOINT.create(client, "first")
    ENDPOINT.create(client, "second")
    said = refused("ResourceLimitExceeded", ENDPOINT.create, client, "third")
    assert said.startswith(
        "The account-level service limit 'ml.m5.xlarge for endpoint usage' is 2 Instances, with "
        "current utilization of 2 Instances and a request delta of 1 Instances."
    )

    def settle(tx: Any) -> None:
        found = endpoints.get(tx, "123456789012", "us-east-1", "first")
        assert found is not None
        serving = replace(found, status=EndpointStatus.IN_SERVICE, current=found.target)
        endpoints.save(tx, serving)

    world.rooms.store.run(settle, write=True)
    wish = [{"VariantName": "AllTraffic", "DesiredInstanceCount": 2}]
    refused(
        "ResourceLimitExceeded",
        client.update_endpoint_weights_and_capacities,
        EndpointName="first",
        DesiredWeightsAndCapacities=wish,
    )
    update = {"EndpointName": "first", "EndpointConfigName": "given-config"}
    refused("ResourceLimitExceeded", client.update_endpoint, **update)
    limited(world, Quotas(instances_by_type={"ml.m5.xlarge": 3}))
    client.update_endpoint(**update)
