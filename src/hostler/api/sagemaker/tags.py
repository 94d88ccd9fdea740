"""AddTags, ListTags and DeleteTags; and the tags that come with a resource's creation.

Invariant: at most ``TAGS_MAX`` tags a resource, none of them in AWS's own ``aws:`` space.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hostler.api.registry import Access, Call
from hostler.api.sagemaker.operations import TAGGED_BY_ITSELF, deletes, reads, writes
from hostler.api.sagemaker.resources import CONFIG, ENDPOINT, KINDS, MODEL, Kind
from hostler.domain import endpoint_tags
from hostler.domain.errors import CallerError, validation
from hostler.domain.ids import Arn, EndpointId, name_key
from hostler.store import endpoints, tags
from hostler.store.configs import CONFIGS
from hostler.store.database import Transaction
from hostler.store.models import MODELS

TAGS_MAX = 50


def requested(params: Mapping[str, Any]) -> dict[str, str]:
    """The tags of a request, checked."""
    pairs: list[tuple[str, str]] = [(tag["Key"], tag["Value"]) for tag in params.get("Tags") or ()]
    found = dict(pairs)
    if len(found) != len(pairs):
        raise validation("Duplicate tag keys found in the request; give each key once.")
    _refuse_reserved(found)
    if len(found) > TAGS_MAX:
        raise _too_many()
    problem = endpoint_tags.wrong(found)
    if problem is not None:
        raise validation(f"The tag {problem}")
    return found


def shape(found: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as the API shows them."""
    return [{"Key": key, "Value": value} for key, value in found.items()]


def add(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """AddTags: those with the same key are overwritten."""
    arn = _changing(tx, call)
    new = requested(call.params)
    if len({**tags.of(tx, arn), **new}) > TAGS_MAX:
        raise _too_many()
    tags.put(tx, arn, new)
    return {"Tags": shape(tags.of(tx, arn))}


def listed(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """ListTags: at most 50 tags fit one page, and MaxResults is at least 50."""
    arn, _ = _tagged(tx, call)
    if call.params.get("NextToken") is not None:
        raise validation("The NextToken is not valid: the list of tags has one page.")
    return {"Tags": shape(tags.of(tx, arn))}


def delete(tx: Transaction, call: Call) -> None:
    """DeleteTags: keys that are not there are no error."""
    arn = _changing(tx, call)
    keys: Iterable[str] = call.params["TagKeys"]
    _refuse_reserved(keys)
    tags.remove(tx, arn, keys)


def _on_resource(call: Call) -> Sequence[Access]:
    """Permission on the resource by its own ARN, however the caller spelt it."""
    _, _, arn = _named(call)
    return [Access(f"sagemaker:{call.operation}", arn, TAGGED_BY_ITSELF)]


def _named(call: Call) -> tuple[Kind, str, Arn]:
    """The resource that ResourceArn names: its kind, its name, and its ARN as policies know it."""
    given: str = call.params["ResourceArn"]
    part, _, name = given.split(":", 5)[5].partition("/")
    kind = KINDS.get(part)
    if kind is None:
        raise validation(f'Could not find the resource "{given}": {part} does not exist here.')
    arn = kind.arn(call, name)
    if arn != given.removesuffix(name) + name_key(name):
        raise kind.missing(given)  # another account, region or partition
    return kind, name, arn


def _tagged(tx: Transaction, call: Call) -> tuple[Arn, EndpointId | None]:
    """The ARN of the resource that ResourceArn names, if it exists; an endpoint's id beside it."""
    kind, name, arn = _named(call)
    where = (call.account, call.region, name)
    endpoint_id: EndpointId | None = None
    if kind is MODEL:
        exists = MODELS.get(tx, *where) is not None
    elif kind is CONFIG:
        exists = CONFIGS.get(tx, *where) is not None
    else:
        assert kind is ENDPOINT
        endpoint = endpoints.get(tx, *where)
        exists, endpoint_id = endpoint is not None, endpoint.id if endpoint else None
    if not exists:
        raise kind.missing(arn)
    return arn, endpoint_id


def _changing(tx: Transaction, call: Call) -> Arn:
    """The same, and an endpoint is looked at afterwards: its tags travel with its route."""
    arn, endpoint_id = _tagged(tx, call)
    if endpoint_id is not None:
        call.wakes.append(endpoint_id)
    return arn


def _refuse_reserved(keys: Iterable[str]) -> None:
    for key in keys:
        if key.lower().startswith("aws:"):
            raise validation(f"The tag key {key} is reserved: keys may not begin with aws:.")


def _too_many() -> CallerError:
    return validation(f"A resource has at most {TAGS_MAX} tags: delete some, or give fewer.")


OPERATIONS = (
    writes("AddTags", add, _on_resource),
    reads("ListTags", listed, _on_resource),
    deletes("DeleteTags", delete, _on_resource),
)
