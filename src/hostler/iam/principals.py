"""Does the Principal of a resource's policy name the caller, and how directly?

Invariant: what may mean the caller, and what nobody here can tell, is MAYBE.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from dataclasses import dataclass
from enum import IntEnum

from hostler.domain.snapshot import Principal
from hostler.iam.answer import Answer
from hostler.iam.grammar import Effect, PrincipalPattern


class Named(IntEnum):
    """How directly a caller is named, which says what its own policies still have to allow.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
    """

    ACCOUNT = 1
    """The account is trusted: its own policies must give the permission to the caller."""
    ROLE = 2
    """The caller's role: its boundary and its session's policies still limit it."""
    DIRECTLY = 3
    """The user, the session, or everyone: allowed, whatever its own policies leave out."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, as policies of resources name it."""

    arn: str
    account: str
    unique_id: str
    session: str | None
    """The ARN of an assumed role's session."""
    has_boundary: bool

    @property
    def is_role(self) -> bool:
        """Roles act in sessions alone."""
        return ":role/" in self.arn

    @property
    def names(self) -> tuple[str, ...]:
        """All that a NotPrincipal must list to leave the caller out."""
        return (self.arn,) if self.session is None else (self.arn, self.session)

    def is_account(self, value: str) -> bool:
        """Does this name the caller's account?"""
        return value == self.account or (
            value.startswith("arn:") and value.endswith(f":iam::{self.account}:root")
        )


def caller(principal: Principal) -> Caller:
    """A principal as policies of resources name it."""
    session, limited = principal.session, principal.boundary is not None
    if session is None or not session.role_arn:
        return Caller(principal.arn, principal.account, principal.unique_id, None, limited)
    return Caller(session.role_arn, principal.account, session.role_id, principal.arn, limited)


@dataclass(frozen=True, slots=True)
class Principals:
    """The Principal or NotPrincipal of a statement; one of the two is empty."""

    named: tuple[PrincipalPattern, ...]
    excepted: tuple[PrincipalPattern, ...]
    effect: Effect

    def answer(self, who: Caller) -> tuple[Answer, Named]:
        """Is the caller meant, and how directly?"""
        if self.excepted:
            return self._but(who), Named.ACCOUNT
        best = (Answer.NO, Named.ACCOUNT)
        for pattern in self.named:
            best = max(best, _named(pattern, who))
        return best

    def _but(self, who: Caller) -> Answer:
        """NotPrincipal: it takes every name of the caller to be left out of a Deny.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
        """
        if self.effect is Effect.ALLOW:
            return max(_named(pattern, who)[0] for pattern in self.excepted).inverted
        values = {pattern.value for pattern in self.excepted if pattern.type in ("AWS", "*")}
        if "*" in values:
            return Answer.NO
        whole = any(who.is_account(value) for value in values) and values.issuperset(who.names)
        known = who.session is not None or not who.is_role
        return Answer.NO if whole and known and not who.has_boundary else Answer.YES


def _named(pattern: PrincipalPattern, who: Caller) -> tuple[Answer, Named]:
    value = pattern.value
    match pattern.type:
        case "AWS" | "*":
            return _aws(value, who)
        case "CanonicalUser":
            return Answer.MAYBE, Named.ACCOUNT
        case _:
            return Answer.NO, Named.ACCOUNT


def _aws(value: str, who: Caller) -> tuple[Answer, Named]:
    own = Named.ROLE if who.is_role else Named.DIRECTLY
    if value in ("*", who.session):
        return Answer.YES, Named.DIRECTLY
    if value in (who.arn, who.unique_id):
        return Answer.YES, own
    if who.is_account(value):
        return Answer.YES, Named.ACCOUNT
    if who.is_role and who.session is None and f"::{who.account}:assumed-role/" in value:
        return Answer.MAYBE, Named.ACCOUNT  # which session acts is not known
    return Answer.NO, Named.ACCOUNT
