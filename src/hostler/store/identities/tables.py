"""The tables of identities.

Invariant: an identity is a user, a role, a group, or an account's root; whatever hangs on one
(keys, policies, tags, memberships) hangs on its unique id, so that a name that comes back inherits
nothing.
"""

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from hostler.store.control_metadata import metadata

identities = Table(
    "iam_identities",
    metadata,
    Column("id", String, primary_key=True),
    Column("account", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("name_key", String, nullable=False),
    Column("name", String, nullable=False),
    Column("path", String, nullable=False),
    Column("arn", String, nullable=False, unique=True),
    Column("created", Float(53), nullable=False),
    Column("description", String, nullable=False, default=""),
    Column("trust", Text, nullable=False, default=""),
    Column("session_seconds_max", Integer, nullable=False, default=3600),
    # The ARN of a managed policy; no foreign key, as AWS's are no rows of ours.
    Column("boundary", String),
    UniqueConstraint("account", "kind", "name_key"),
)

memberships = Table(
    "iam_memberships",
    metadata,
    Column("identity", ForeignKey(identities.c.id), primary_key=True),
    Column("of_group", ForeignKey(identities.c.id), primary_key=True, index=True),
)

access_keys = Table(
    "iam_access_keys",
    metadata,
    Column("id", String, primary_key=True),
    Column("identity", ForeignKey(identities.c.id), nullable=False, index=True),
    Column("secret", String, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("created", Float(53), nullable=False),
    # The last request that it signed: when, to which service, in which region.
    Column("used", Float(53)),
    Column("used_service", String),
    Column("used_region", String),
)

inline_policies = Table(
    "iam_inline_policies",
    metadata,
    Column("identity", ForeignKey(identities.c.id), primary_key=True),
    Column("name", String, primary_key=True),
    Column("document", Text, nullable=False),
)

policies = Table(
    "iam_policies",
    metadata,
    Column("arn", String, primary_key=True),
    Column("id", String, nullable=False),
    Column("account", String, nullable=False),
    Column("name_key", String, nullable=False),
    Column("name", String, nullable=False),
    Column("path", String, nullable=False),
    Column("description", String, nullable=False),
    Column("default_version", Integer, nullable=False),
    Column("last_version", Integer, nullable=False),
    Column("created", Float(53), nullable=False),
    Column("updated", Float(53), nullable=False),
    UniqueConstraint("account", "name_key"),
)

policy_versions = Table(
    "iam_policy_versions",
    metadata,
    Column("policy", ForeignKey(policies.c.arn), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("document", Text, nullable=False),
    Column("created", Float(53), nullable=False),
)

attachments = Table(
    "iam_attachments",
    metadata,
    Column("identity", ForeignKey(identities.c.id), primary_key=True),
    # No foreign key: an AWS-managed policy is no row of ours.
    Column("policy", String, primary_key=True, index=True),
)

session_keys = Table(
    "iam_session_keys",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("secret", LargeBinary, nullable=False),
    Column("created", Float(53), nullable=False),
)

tags = Table(
    "iam_tags",
    metadata,
    Column("owner", String, primary_key=True),
    # IAM's tag keys are one regardless of case, and shown as they were given.
    Column("key_key", String, primary_key=True),
    Column("key", String, nullable=False),
    Column("value", String, nullable=False),
)
