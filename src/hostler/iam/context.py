"""Condition keys: what is known of them in a request, and what follows from the principal alone.

Invariant: a key is known to have values, known to have none, or not known. Only who would have seen
it on the request may say that it has none; none is taken for absent because nobody supplied it.
Keys are compared without case.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from collections.abc import Iterable, Mapping, Sequence

from hostler.domain.moments import to_second
from hostler.domain.sender import Sender
from hostler.domain.snapshot import Principal, Session

Values = tuple[str, ...] | None
"""Of a key: none at all (it is absent), or None where they are not known."""
Context = Mapping[str, str | Sequence[str] | None]
"""Condition keys of a request. An empty sequence says that the request does not have the key;
``family/*`` with one says so of all keys of the family, e.g. ``aws:RequestTag/*``, that are not
given; ``*`` with one of all keys."""

NO_CONTEXT: Context = {}
ABSENT: Sequence[str] = ()
EVERYTHING_ELSE = "*"

_NO_ORGANIZATION = (
    "aws:principalorgid", "aws:principalorgpaths", "aws:sourceorgid", "aws:sourceorgpaths",
    "aws:resourceorgid", "aws:resourceorgpaths",
)  # fmt: skip
_OWN_KEYS_REQUEST = (
    "aws:multifactorauthage", "aws:federatedprovider", "aws:ec2instancesourcevpc",
    "aws:ec2instancesourceprivateipv4", "ec2:sourceinstancearn", "lambda:sourcefunctionarn",
    "aws:calledvia", "aws:calledviafirst", "aws:calledvialast", "aws:principalservicename",
    "aws:principalservicenameslist", "aws:sourcearn", "aws:sourceaccount",
)  # fmt: skip
"""What only federated callers, instances and AWS's own services have."""
_OF_SESSIONS = ("aws:multifactorauthpresent", "aws:tokenissuetime", "aws:sourceidentity")
_NO_VPC_ENDPOINT = ("aws:sourcevpc", "aws:sourcevpce", "aws:sourcevpcarn", "aws:vpcsourceip")

_LASTING = "aws:requestedregion"
_LASTING_FAMILIES = ("aws:resourcetag/", "sagemaker:resourcetag/")
_NOT_SAID = ("\0not said",)
"""A value that no key has."""


class Facts:
    """The keys of one request, and which were asked for while it was decided."""

    __slots__ = ("_given", "_own", "_request", "asked", "varies")

    def __init__(self, own: Mapping[str, Values], given: Context) -> None:
        self._own = own
        self._given = given
        self._request: dict[str, Values] | None = None
        self.asked = False
        """A key was read that does not follow from the principal."""
        self.varies = False
        """A key was read that the next request to the same resource may have otherwise."""

    def of(self, key: str) -> Values:
        """What is known of a key (in lower case); the principal's own come first."""
        found = _in(self._own, key)
        if found != _NOT_SAID:
            return found
        self.asked = True
        if key != _LASTING and not key.startswith(_LASTING_FAMILIES):
            self.varies = True
        if self._request is None:
            self._request = {name.lower(): _values(value) for name, value in self._given.items()}
        found = _in(self._request, key)
        if found == _NOT_SAID:
            found = self._request.get(EVERYTHING_ELSE)
        return found


def _in(values: Mapping[str, Values], key: str) -> Values:
    found = values.get(key, _NOT_SAID)
    if found == _NOT_SAID and "/" in key:
        found = values.get(f"{key.partition('/')[0]}/*", _NOT_SAID)
    return found


def _values(given: str | Sequence[str] | None) -> Values:
    if given is None:
        return None
    return (given,) if isinstance(given, str) else tuple(given)


def tags(family: str, given: Iterable[tuple[str, str]]) -> Context:
    """All tags of something as the keys of a family, e.g. ``aws:ResourceTag``.

    AWS finds a tag without case, and does not say which of two that differ in case alone: neither
    is known then.
    """
    found: dict[str, str | Sequence[str] | None] = {f"{family}/*": ABSENT}
    for tag, value in given:
        key = f"{family}/{tag.lower()}"
        found[key] = None if key in found else value
    return found


def times(now: float) -> Context:
    """The keys of a moment, in epoch seconds."""
    return {"aws:CurrentTime": to_second(now), "aws:EpochTime": str(int(now))}


def of_request(sender: Sender, *, agent: str | None, referer: str | None) -> Context:
    """The keys of how a request came: its connection, and what its headers say of the client."""
    secured = sender.secured
    return {
        "aws:SourceIp": sender.address,
        "aws:SecureTransport": None if secured is None else flag(value=secured),
        "aws:UserAgent": ABSENT if agent is None else agent,
        "aws:Referer": ABSENT if referer is None else referer,
    }


def flag(*, value: bool) -> str:
    """A truth as keys have it."""
    return "true" if value else "false"


def of_principal(principal: Principal) -> Mapping[str, Values]:
    """What follows from who calls.

    A role without a session is one that acts by itself, as an execution role does: what its
    requests bring is not known. Of one without an ARN (in a simulation) nothing is.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
    """
    if not principal.arn:
        return {}
    session = principal.session
    role_arn = "" if session is None else session.role_arn
    own: dict[str, Values] = {
        "aws:principalarn": (role_arn or principal.arn,),
        "aws:principalaccount": (principal.account,),
        **dict.fromkeys(_NO_ORGANIZATION, ()),
    }
    if principal.is_root:
        own |= {"aws:principaltype": ("Account",), "aws:userid": (principal.account,)}
    elif ":user/" in principal.arn:
        own |= {"aws:principaltype": ("User",), "aws:userid": (principal.unique_id,)}
        own["aws:username"] = (principal.name,)
    else:
        own["aws:principaltype"] = ("AssumedRole",)
        if role_arn:
            own["aws:userid"] = (principal.unique_id,)
    own.setdefault("aws:username", ())
    if ":role/" not in principal.arn:
        own |= dict.fromkeys(_OWN_KEYS_REQUEST + _NO_VPC_ENDPOINT, ())
        own |= dict.fromkeys(("aws:viaawsservice", "aws:principalisawsservice"), ("false",))
        own |= _of_session(session)
    if principal.tags is not None:
        for key, value in tags("aws:principaltag", principal.tags.items()).items():
            own[key] = _values(value)
    return own


def _of_session(session: Session | None) -> Mapping[str, Values]:
    """Nobody has MFA here: a session says so, a long-term key says nothing."""
    if session is None:
        return dict.fromkeys(_OF_SESSIONS, ())
    return {
        "aws:multifactorauthpresent": ("false",),
        "aws:tokenissuetime": (to_second(session.issued),),
        "aws:sourceidentity": (session.source_identity,) if session.source_identity else (),
    }
