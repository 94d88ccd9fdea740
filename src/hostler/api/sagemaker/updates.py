"""What became of an endpoint's updates: a question of Hostler's own, that SageMaker has not.

Invariant: whoever may call DescribeEndpoint of an endpoint may ask it, and nobody else.

    GET /_hostler/endpoint-updates?EndpointName=NAME

signed for ``sagemaker``. Times are epoch seconds, shares 0 to 1; what is not known is left out.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from hostler.api.registry import Access, Call, Effect, Operation
from hostler.api.sagemaker.resources import ENDPOINT
from hostler.domain.errors import validation
from hostler.domain.updates import Event, Fired, Side, Update
from hostler.planning import update_words
from hostler.store import endpoint_updates, endpoints
from hostler.store.database import Transaction


def listed(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """The last updates of an endpoint, the newest first."""
    name = call.params["EndpointName"]
    endpoint = endpoints.get(tx, call.account, call.region, name)
    if endpoint is None:
        raise ENDPOINT.missing(ENDPOINT.arn(call, name))
    kept = endpoint_updates.listed(tx, endpoint.id)
    return {"EndpointName": endpoint.name, "Updates": [_update(each) for each in kept]}


def _access(call: Call) -> Sequence[Access]:
    if not call.params.get("EndpointName"):
        raise validation("EndpointName must be given: whose updates are meant?")
    arn = ENDPOINT.arn(call, call.params["EndpointName"])
    return [Access("sagemaker:DescribeEndpoint", arn)]


def _update(update: Update) -> Mapping[str, Any]:
    terms, last = update.terms, update.last
    words, back_s = update_words.lines(update), update_words.rollback_s(update)
    shown = {
        "Number": update.number,
        "EndpointConfigName": terms.config,
        "VariantNames": list(terms.variants),
        "PreviousEndpointConfigName": terms.before,
        "PreviousVariantNames": list(terms.variants_before) or None,
        "Asked": terms.asked,
        "Plan": update_words.plan(terms),
        "Alarms": list(terms.alarms),
        "Outcome": update.outcome,
        "Summary": update_words.summary(update),
        "Ended": last.at if update.outcome else None,
        "FailureReason": last.reason,
        "RollbackSeconds": None if back_s is None else round(back_s, 3),
        "Events": [_event(each, told) for each, told in zip(update.events, words, strict=True)],
    }
    return _known(shown)


def _event(event: Event, message: str) -> Mapping[str, Any]:
    shown = {
        "Time": event.at,
        "Stage": event.stage or event.outcome,
        "Step": event.step + 1,
        "Blue": _side(event.blue),
        "Green": _side(event.green),
        "Message": message,
        "AlarmsNotOK": dict(event.unsettled) or None,
        "AlarmsFired": [_fired(each) for each in event.fired] or None,
    }
    return _known(shown)


def _side(side: Side) -> Mapping[str, Any]:
    return {"Share": side.share, "Instances": side.instances}


def _fired(fired: Fired) -> Mapping[str, Any]:
    shown = {
        "AlarmName": fired.name,
        "Since": fired.since,
        "StateReason": fired.reason,
        "Value": fired.value,
        "Threshold": fired.threshold,
        "ComparisonOperator": fired.comparison,
        "Message": update_words.alarm(fired),
    }
    return _known(shown)


def _known(shown: Mapping[str, Any]) -> Mapping[str, Any]:
    return {key: value for key, value in shown.items() if value is not None}


OPERATION = Operation("ListEndpointUpdates", listed, _access, Effect.READS)
