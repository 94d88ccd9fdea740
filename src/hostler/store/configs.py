"""Endpoint configs as CreateEndpointConfig asked for them.

Invariant: deleting one takes nothing from an endpoint that was deployed from it.
"""

from hostler.store.records import Records

CONFIGS = Records("endpoint_configs")
