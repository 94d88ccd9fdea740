"""What the audit log is told of S3's calls: those about buckets as such, and whoever is refused.

Invariant: reading, writing and listing objects is not told unless it is refused: these are data
events, of which CloudTrail tells only where a trail asks for them.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html
"""

from dataclasses import dataclass

from hostler.api.audited import claimed_key
from hostler.api.s3.access import ACTIONS, On
from hostler.api.s3.call import S3Call
from hostler.audit.entry import Entry, told
from hostler.aws import route, specs
from hostler.aws.http import HttpRequest
from hostler.aws.protocols.errors import UnreadableError
from hostler.domain import sender
from hostler.domain.errors import REFUSALS, CallerError

INTERNAL = CallerError("InternalError", "", status=500)
_LISTING = frozenset(
    {
        "DeleteObjects",
        "HeadBucket",
        "ListMultipartUploads",
        "ListObjectVersions",
        "ListObjects",
        "ListObjectsV2",
    }
)
"""About buckets, and data events all the same."""
_READING = ("Get", "Head", "List")


@dataclass(slots=True)
class Noted:
    """One request, as far as it came."""

    request: HttpRequest
    request_id: str
    at: float
    call: S3Call | None = None
    """None until it was authenticated."""
    operation: str = ""
    """Empty until it was looked up."""
    error: CallerError | None = None
    is_over: bool = False

    def ended(self, error: CallerError | None) -> None:
        """It was answered, with an error or without."""
        self.error, self.is_over = error, True

    def entry(self, account: str, region: str) -> Entry | None:
        """What the audit log is told of it, if anything; the account is told of strangers."""
        if not self.is_over:
            return None
        call, error = self.call, self.error
        judged = () if call is None else call.asked.judged
        refused = error is not None and error.code in REFUSALS
        refused = refused or any(not each.decision.allowed for each in judged)
        name = self.operation or (_named(self.request) if refused else "")
        is_data = name in _LISTING or (name in ACTIONS and ACTIONS[name][1] is On.OBJECT)
        if not name or (is_data and not refused):
            return None
        header = self.request.header
        return Entry(
            service="s3",
            operation=name,
            request_id=self.request_id,
            at=self.at,
            account=account if call is None else call.principal.account,
            region=region if call is None else call.region,
            caller=None if call is None else call.principal,
            access_key_id=claimed_key(self.request),
            sender=sender.read(header.get(sender.HEADER)),
            agent=header.get("user-agent", ""),
            reads=name.startswith(_READING),
            is_data=is_data,
            params={} if call is None else call.params,
            error=told(error),
            judged=judged,
        )


def _named(request: HttpRequest) -> str:
    """The operation that a stranger asked for; empty for none of ours."""
    try:
        model = route.match(specs.service("s3"), request)
    except UnreadableError:
        return ""
    return model.name if model is not None and model.name in {*ACTIONS, *_LISTING} else ""
