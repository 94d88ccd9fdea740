"""Who there is: users, roles and roots, their keys, policies and tags.

Invariant: whatever is read by name is read within one account. Other rooms use the names below;
``api.iam`` works with the modules.
"""

from hostler.store.identities.entities import Identity, Kind, role
from hostler.store.identities.keys import note_uses, session_key
from hostler.store.identities.principals import (
    credential,
    ensure_root,
    managed_policies,
    principal,
    principal_by_id,
    role_principal,
    snapshot_parts,
)

__all__ = [
    "Identity",
    "Kind",
    "credential",
    "ensure_root",
    "managed_policies",
    "note_uses",
    "principal",
    "principal_by_id",
    "role",
    "role_principal",
    "session_key",
    "snapshot_parts",
]
