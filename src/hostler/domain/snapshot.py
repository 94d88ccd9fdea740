"""What the data plane knows: routes, credentials and policies, as one immutable value.

Invariant: always whole, never a delta; a gateway that has one needs nobody. ``FORMAT`` goes up with
an incompatible change; readers refuse formats above their own and keep the last good one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

FORMAT = 1


@dataclass(frozen=True, slots=True)
class TargetRoute:
    """One instance: its id and the sockets of its workers (absolute paths)."""

    instance_id: str
    sockets: tuple[str, ...]
    page: str = ""
    """Absolute path of the instance's shared health page."""


@dataclass(frozen=True, slots=True)
class VariantRoute:
    """A variant's weight and its ready instances. ``container`` is named in ModelError texts."""

    name: str
    weight: float
    targets: tuple[TargetRoute, ...]
    container: str = "primary"
    at_random: bool = False
    """Each request goes to any instance; else to the one with the least outstanding requests."""
    max_concurrency: int = 0
    """Of a serverless variant, over all gateways; 0 for one that is not."""
    provisioned: int = 0
    """The serverless variant's environments that always stand."""
    deployment: str = ""
    """Whose instances these are: while an endpoint goes from one deployment to another, both may
    have a variant of this name."""
    share: float = 1.0
    """Of the requests that ask for the variant by its name, or any of them; ``weight`` is of all
    that the endpoint gets, and has the share in it."""
    config: str = ""
    """The deployment's config, while it is one of two: its calls are counted apart as well."""


@dataclass(frozen=True, slots=True)
class EndpointRoute:
    """An endpoint that answers (InService, Updating, …). Others are simply not here."""

    account: str
    region: str
    name: str
    """As created; the gateway finds it by account, region and name, case and all."""
    arn: str
    variants: tuple[VariantRoute, ...]
    """Those of production, among which requests are divided."""
    tags: dict[str, str] = field(default_factory=dict)
    id: str = ""
    """What control knows it by: what a ``Demand`` names."""
    shadows: tuple[VariantRoute, ...] = ()
    """What gets copies of requests; a version that does not know them sends none."""
    mirrored: float = 0.0
    """The share of requests that is copied, 0 to 1."""

    @property
    def every_variant(self) -> tuple[VariantRoute, ...]:
        """Those of production, and the shadows."""
        return (*self.variants, *self.shadows)


@dataclass(frozen=True, slots=True)
class Demand:
    """What a gateway tells control of a serverless variant that is used."""

    endpoint_id: str
    variant: str
    environments: int
    """How many it is worth now; 0: those that there are will do."""
    idle_s: float
    """So long ago it was used last."""


@dataclass(frozen=True, slots=True)
class Credential:
    """An active access key: whose it is and its secret (SigV4 needs the plain text)."""

    access_key_id: str
    secret: str = field(repr=False)
    principal_arn: str
    expires: float | None = None
    """When it ends (epoch seconds), where it is temporary; never in a snapshot."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy attached to a principal: its name or ARN, for explanations, and its JSON text."""

    name: str
    document: str


@dataclass(frozen=True, slots=True)
class Session:
    """What is particular to temporary credentials; ``issued`` in epoch seconds."""

    access_key_id: str
    issued: float
    role_arn: str = ""
    """Of the role that is assumed; empty where a user or a root acts as itself."""
    role_id: str = ""
    policies: tuple[Policy, ...] | None = None
    """Its session policies, which limit it; None: nothing does."""
    source_identity: str = ""
    transitive_tags: tuple[str, ...] = ()
    """The keys of the session tags that stay when another role is assumed."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls: a root user (``is_root``), a user, a role, or a session of one of them."""

    arn: str
    """Of an assumed role's session: ``arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION``."""
    account: str
    unique_id: str
    """Of an assumed role's session: ``AROA…:SESSION``."""
    name: str
    policies: tuple[Policy, ...] = ()
    is_root: bool = False
    tags: dict[str, str] | None = None
    """None where they are not known: from a version that did not write them."""
    boundary: Policy | None = None
    """Its permissions boundary, which limits it."""
    session: Session | None = None
    """What it acts with, where that is temporary; never in a snapshot."""

    @property
    def known_as(self) -> str:
        """What decisions are remembered by: sessions share a name, and not their limits."""
        return self.arn if self.session is None else self.session.access_key_id


Known: TypeAlias = tuple[Credential, Principal]
"""An active access key's credential, and whose it is."""


@dataclass(frozen=True, slots=True)
class Identities:
    """Who may call, and what they may do."""

    credentials: Sequence[Credential] = ()
    """The active long-term access keys."""
    principals: Sequence[Principal] = ()
    """Roots, users and roles."""
    session_key: bytes = field(default=b"", repr=False)
    """What session tokens are sealed with; empty: there are none."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything, at one moment. ``generation`` only grows, also over restarts."""

    generation: int
    account: str = ""
    region: str = ""
    """The installation's own, which is told of callers whom nobody knows."""
    endpoints: tuple[EndpointRoute, ...] = ()
    credentials: tuple[Credential, ...] = ()
    principals: tuple[Principal, ...] = ()
    session_key: bytes = field(default=b"", repr=False)
    format: int = FORMAT

    def access_keys(self) -> dict[str, Known]:
        """What is known of each access key; one whose owner is not here is not known."""
        owners = {principal.arn: principal for principal in self.principals}
        return {
            credential.access_key_id: (credential, owners[credential.principal_arn])
            for credential in self.credentials
            if credential.principal_arn in owners
        }
