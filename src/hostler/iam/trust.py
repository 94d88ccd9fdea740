"""Trust documents of roles: which service may act as the role.

Invariant: trust is explicit; what is not evaluated (a Condition, a NotPrincipal) never trusts and
always refuses.
"""

from hostler.domain.errors import CallerError
from hostler.iam import conditions, match
from hostler.iam.conditions import Context
from hostler.iam.document import parse
from hostler.iam.evaluate import NO_CONTEXT
from hostler.iam.grammar import Effect, Kind, Statement
from hostler.iam.match import Answer

ASSUME_ROLE = "sts:assumerole"
SAGEMAKER = "sagemaker.amazonaws.com"
"""The service that acts as execution roles."""


def is_execution_role(document: str) -> bool:
    """May SageMaker act as the role of this trust document? An unreadable one trusts nobody."""
    try:
        return allows_service(document, SAGEMAKER)
    except CallerError:
        return False


def allows_service(document: str, service: str, context: Context = NO_CONTEXT) -> bool:
    """May ``service``, e.g. ``sagemaker.amazonaws.com``, assume the role of this trust document?

    Args:
        document: The JSON text of AssumeRolePolicyDocument.
        service: A service principal.
        context: Condition keys of the request.

    Raises:
        CallerError: MalformedPolicyDocument.
    """
    trusted = False
    for statement in parse(document, Kind.TRUST).statements:
        answer = min(
            match.actions(statement.actions, negated=statement.not_actions).answer(ASSUME_ROLE),
            _names(statement, service),
            conditions.answer(statement.conditions, context),
        )
        if statement.effect is Effect.DENY and answer is not Answer.NO:
            return False
        trusted |= statement.effect is Effect.ALLOW and answer is Answer.YES
    return trusted


def _names(statement: Statement, service: str) -> Answer:
    if statement.not_principals:
        return Answer.MAYBE
    best = Answer.NO
    for pattern in statement.principals:
        if pattern.type == "Service" and pattern.value in (service, "*"):
            return Answer.YES
        if pattern.value == "*":
            best = Answer.MAYBE  # everyone: whether that means services, AWS does not say
    return best
