"""What a message's links do: confirm a subscription, or end it.

Invariant: whoever follows a link is nobody known; the subscription's token alone lets it, and what
it may do is what the link says. Answers are SNS's XML, for clients that read it.
"""

import secrets
from collections.abc import Callable
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


def routes(rooms: Rooms) -> list[Route]:
    """The routes of both links."""

    async def confirm(request: Request) -> Response:
        arn, token = (request.query_params.get(name, "") for name in ("TopicArn", "Token"))

        def transaction(tx: Transaction) -> Subscription | None:
            parts = arn.split(":")
            topic = topics.get(tx, parts[4], parts[3], parts[5]) if len(parts) == 6 else None
            return None if topic is None else subscriptions.confirmed(tx, topic, token)

        return await _answered(rooms, transaction, "ConfirmSubscription")

    async def unsubscribe(request: Request) -> Response:
        arn, token = (request.query_params.get(name, "") for name in ("SubscriptionArn", "Token"))

        def transaction(tx: Transaction) -> Subscription | None:
            found = topics.subscription(tx, arn.rpartition(":")[2])
            if found is None or found.arn != arn:
                return None
            if not secrets.compare_digest(found.token.encode(), token.encode()):
                return None
            topics.forget_subscriptions(tx, [found.id])
            return found

        return await _answered(rooms, transaction, "Unsubscribe")

    return [
        Route(messages.CONFIRM_PATH, confirm, methods=["GET"]),
        Route(messages.UNSUBSCRIBE_PATH, unsubscribe, methods=["GET"]),
    ]


async def _answered(
    rooms: Rooms, transaction: Callable[[Transaction], Subscription | None], operation: str
) -> Response:
    try:
        found = await rooms.store.write(transaction)
    except StoreUnavailableError:
        return Response("busy: try again", 503, media_type="text/plain")
    if found is None:
        error = "<Error><Code>InvalidParameter</Code><Message>Invalid parameter: Token</Message>"
        text = f'<ErrorResponse xmlns="{_NAMESPACE}">{error}</Error></ErrorResponse>'
        return Response(text, 400, media_type=_XML)
    result = ""
    if operation == "ConfirmSubscription":
        arn = f"<SubscriptionArn>{escape(found.arn)}</SubscriptionArn>"
        result = f"<{operation}Result>{arn}</{operation}Result>"
    text = f'<{operation}Response xmlns="{_NAMESPACE}">{result}</{operation}Response>'
    return Response(text, 200, media_type=_XML)
