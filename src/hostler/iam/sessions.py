"""A session of a principal: who acts with temporary credentials, and within which limits.

Invariant: pure; policies, boundary and the role's own tags are those of the identity as it is now,
so that what is changed or taken away there is so for its sessions too.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html
"""

from collections.abc import Mapping
from dataclasses import replace

from hostler.domain.grants import Grant
from hostler.domain.ids import assumed_role_arn
from hostler.domain.snapshot import Credential, Known, Principal, Session


def known(grant: Grant, identity: Principal) -> Known:
    """Temporary credentials, and who acts with them.

    Args:
        grant: What the session token says.
        identity: The role, user or root of ``grant.identity``, as it is now.
    """
    session = Session(
        access_key_id=grant.access_key_id,
        issued=grant.issued,
        policies=grant.policies,
        source_identity=grant.source_identity,
        transitive_tags=grant.transitive_tags,
    )
    if grant.session_name:
        who = of_role(identity, grant.session_name, session, grant.tags)
    else:
        who = replace(identity, session=session)
    return Credential(grant.access_key_id, grant.secret, who.arn, grant.expires), who


def of_role(role: Principal, name: str, session: Session, tags: Mapping[str, str]) -> Principal:
    """The principal of an assumed role.

    Args:
        role: The role as it is now.
        name: RoleSessionName.
        session: What is particular to it; the role's ARN and id are set here.
        tags: Session tags; they stand in the place of the role's own of the same key.
    """
    given = {key.lower() for key in tags}
    own = {key: value for key, value in (role.tags or {}).items() if key.lower() not in given}
    return replace(
        role,
        arn=assumed_role_arn(role.account, role.name, name),
        unique_id=f"{role.unique_id}:{name}",
        tags=None if role.tags is None else {**own, **tags},
        session=replace(session, role_arn=role.arn, role_id=role.unique_id),
    )
