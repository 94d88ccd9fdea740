"""What a message's links do: confirm a subscription, or end it.

Invariant: whoever follows a link is nobody known: the subscription's token alone lets it, what it
may do is what the link says, and nothing is written for a token that is none. Answers are SNS's
XML, for clients that read it.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hostler.api.registry import Rooms
from hostler.api.sns import subscriptions
from hostler.domain.topic import Subscription
from hostler.planning import messages
from hostler.store import topics
from hostler.store.database import StoreUnavailableError, Transaction

_XML = "text/xml"
_NAMESPACE = "http://sns.amazonaws.com/doc/2010-03-31/"
_REFUSAL = (
    f'<ErrorResponse xmlns="{_NAMESPACE}"><Error><Code>InvalidParameter</Code>'
    "<Message>Invalid parameter: Token</Message></Error></ErrorResponse>"
)

_Act = Callable[[Transaction, Subscription], None]


def routes(rooms: Rooms) -> list[Route]:
    """The routes of both links."""

    async def confirm(request: Request) -> Response:
        named = request.query_params.get("TopicArn", "")
        found = await _act(rooms, request, lambda one: one.topic_arn == named, _confirm)
        if isinstance(found, Response):
            return found
        arn = f"<SubscriptionArn>{escape(found.arn)}</SubscriptionArn>"
        return _done("ConfirmSubscription", arn)

    async def unsubscribe(request: Request) -> Response:
        named = request.query_params.get("SubscriptionArn", "")
        found = await _act(rooms, request, lambda one: one.arn == named, _unsubscribe)
        return found if isinstance(found, Response) else _done("Unsubscribe")

    return [
        Route(messages.CONFIRM_PATH, confirm, methods=["GET"]),
        Route(messages.UNSUBSCRIBE_PATH, unsubscribe, methods=["GET"]),
    ]


async def _act(
    rooms: Rooms, request: Request, is_named: Callable[[Subscription], bool], act: _Act
) -> Subscription | Response:
    """Do what a link says to the subscription of its token; an answer where there is none."""
    token = request.query_params.get("Token", "")
    find = partial(subscriptions.of_token, token=token)

    def change(tx: Transaction) -> Subscription | None:
        one = find(tx)
        if one is not None:
            act(tx, one)
        return one

    try:
        found = await rooms.store.read(find)
        if found is not None and is_named(found):
            found = await rooms.store.write(change)
            if found is not None:
                return found
    except StoreUnavailableError:
        return Response("busy: try again", 503, media_type="text/plain")
    return Response(_REFUSAL, 400, media_type=_XML)


def _confirm(tx: Transaction, one: Subscription) -> None:
    topics.put_subscription(tx, replace(one, confirmed=True))


def _unsubscribe(tx: Transaction, one: Subscription) -> None:
    topics.forget_subscriptions(tx, [one.id])


def _done(operation: str, result: str = "") -> Response:
    inner = f"<{operation}Result>{result}</{operation}Result>" if result else ""
    text = f'<{operation}Response xmlns="{_NAMESPACE}">{inner}</{operation}Response>'
    return Response(text, 200, media_type=_XML)
