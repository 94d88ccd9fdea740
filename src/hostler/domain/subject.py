"""Whose calls are counted, told and shown.

Invariant: a variant has one subject, whoever counts, reads or shows its numbers.
"""

from typing import NamedTuple

from hostler.domain.snapshot import EndpointRoute, VariantRoute


class Subject(NamedTuple):
    """A variant of an endpoint. A tuple: each snapshot asks for every one, by its hash."""

    account: str
    region: str
    endpoint: str
    variant: str


class Side(NamedTuple):
    """A variant's numbers of one deployment (by its config), where there are two; else all."""

    subject: Subject
    config: str = ""


def subject_of(endpoint: EndpointRoute, variant: VariantRoute) -> Subject:
    """The subject of a variant that is routed to."""
    return Subject(endpoint.account, endpoint.region, endpoint.name, variant.name)
