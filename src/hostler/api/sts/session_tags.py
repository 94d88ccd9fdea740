"""Session tags: those that a call gives, and those that stay when roles are chained.

Invariant: a tag that was made transitive cannot be given again, so that who comes later in a chain
cannot say otherwise.
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hostler.domain.errors import CallerError
from hostler.domain.snapshot import Principal

TAGS_MAX = 50
_RESERVED = "aws:"


@dataclass(frozen=True, slots=True)
class SessionTags:
    """The tags of a new session."""

    given: Mapping[str, str]
    inherited: Mapping[str, str]
    transitive: Sequence[str]
    """The keys of those that a session made from this one inherits."""

    @property
    def all(self) -> dict[str, str]:
        return {**self.inherited, **self.given}


def of_call(params: Mapping[str, Any], caller: Principal) -> SessionTags:
    """The tags that a call gives, and those of the caller's session that stay."""
    given = {tag["Key"]: tag["Value"] for tag in params.get("Tags", ())}
    folded = {key.lower() for key in given}
    if len(folded) != len(params.get("Tags", ())):
        raise _invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    if any(key.startswith(_RESERVED) for key in folded):
        raise _invalid("Tag keys that begin with aws: are kept for AWS's own use.")
    inherited = _inherited(caller)
    if folded & {key.lower() for key in inherited}:
        raise _invalid(
            "One of the specified transitive tag keys can't be set because it conflicts with a "
            "transitive tag key from the calling session."
        )
    asked = params.get("TransitiveTagKeys", ())
    if not {key.lower() for key in asked} <= folded:
        raise _invalid("The specified transitive tag key must be included in the requested tags.")
    if len(given) + len(inherited) > TAGS_MAX:
        raise _invalid(f"A session has {TAGS_MAX} tags at most, inherited ones included.")
    return SessionTags(given, inherited, (*inherited, *asked))


def _inherited(caller: Principal) -> dict[str, str]:
    if caller.session is None:
        return {}
    stays = {key.lower() for key in caller.session.transitive_tags}
    return {key: value for key, value in (caller.tags or {}).items() if key.lower() in stays}


def _invalid(message: str) -> CallerError:
    return CallerError("InvalidParameterValue", message, status=400)
