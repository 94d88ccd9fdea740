"""Every table of the control database: importing this module registers them all.

Invariant: a table module that is not imported here does not exist in a new data directory.
"""

from hostler.store import cleanups, configs, endpoints, identities, models, preparations, tags
from hostler.store.control_metadata import metadata

__all__ = [
    "cleanups",
    "configs",
    "endpoints",
    "identities",
    "metadata",
    "models",
    "preparations",
    "tags",
]
