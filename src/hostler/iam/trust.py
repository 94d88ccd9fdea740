"""Trust documents of roles: which service may act as the role.

Invariant: trust is explicit; what is not known (a key of the request, whom a NotPrincipal means)
never trusts and always refuses.
"""

from hostler.domain.errors import CallerError
from hostler.domain.ids import partition
from hostler.iam.answer import Answer
from hostler.iam.context import NO_CONTEXT, Context, Facts
from hostler.iam.document import parse
from hostler.iam.grammar import Effect, Kind
from hostler.iam.principals import Principals
from hostler.iam.statements import compiled

ASSUME_ROLE = "sts:assumerole"
SAGEMAKER = "sagemaker.amazonaws.com"
"""The service that acts as execution roles."""


def is_execution_role(document: str, account: str, region: str) -> bool:
    """May SageMaker act for an account, in a region, as the role of this trust document?

    An unreadable one trusts nobody. For inference ``aws:SourceArn`` names no model and no endpoint:
    its asterisk stands there as it is.
    https://docs.aws.amazon.com/sagemaker/latest/dg/security-confused-deputy-prevention.html
    """
    source = f"arn:{partition(region)}:sagemaker:{region}:{account}:*"
    context = {"aws:SourceAccount": account, "aws:SourceArn": source}
    try:
        return allows_service(document, SAGEMAKER, context)
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
    parse(document, Kind.TRUST)
    facts = Facts({}, context)
    trusted = False
    for statement in compiled(document, Kind.TRUST):
        if not statement.actions.match(ASSUME_ROLE):
            continue
        answer = min(_names(statement.principals, service), statement.answer([], facts))
        if statement.effect is Effect.DENY and answer is not Answer.NO:
            return False
        trusted |= statement.effect is Effect.ALLOW and answer is Answer.YES
    return trusted


def _names(principals: Principals, service: str) -> Answer:
    if principals.excepted:
        return Answer.MAYBE
    best = Answer.NO
    for pattern in principals.named:
        if pattern.type == "Service" and pattern.value in (service, "*"):
            return Answer.YES
        if pattern.value == "*":
            best = Answer.MAYBE  # everyone: whether that means services, AWS does not say
    return best
