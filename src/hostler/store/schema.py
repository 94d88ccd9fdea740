"""Every table of the control database: importing this module registers them all.

Invariant: a table module that is not imported here does not exist in a new data directory.
"""

from hostler.store import (
    alarm_history,
    alarm_queue,
    alarms,
    cleanups,
    configs,
    endpoint_updates,
    endpoints,
    identities,
    models,
    preparations,
    scaling,
    scaling_activities,
    tags,
    topics,
)
from hostler.store.control_metadata import metadata

__all__ = [
    "alarm_history",
    "alarm_queue",
    "alarms",
    "cleanups",
    "configs",
    "endpoint_updates",
    "endpoints",
    "identities",
    "metadata",
    "models",
    "preparations",
    "scaling",
    "scaling_activities",
    "tags",
    "topics",
]
