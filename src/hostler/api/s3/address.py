"""Where an object is, in answers that name it: as its client reaches it.

Invariant: an address leads back the way that its client came: the same scheme, host and port, and a
bucket in the host where the client has put it there.
"""

from urllib.parse import quote

from hostler.aws.http import HttpRequest
from hostler.aws.virtualhost import bucket_of_host
from hostler.domain import hosts, sender


def of_object(request: HttpRequest, bucket: str, key: str) -> str:
    """The URL of an object, for who sent ``request``."""
    host = request.header.get("host", "localhost")
    named = "" if bucket_of_host(host) else f"/{bucket}"
    return f"{_scheme(request, host)}://{host}{named}/{quote(key, safe='/~')}"


def _scheme(request: HttpRequest, host: str) -> str:
    """As the gateway tells; AWS's own addresses are reached by TLS alone where nobody does."""
    secured = sender.read(request.header.get(sender.HEADER)).secured
    if secured is None:
        secured = hosts.is_aws(hosts.name_of(host))
    return "https" if secured else "http"
