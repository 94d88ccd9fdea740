"""Models as CreateModel asked for them.

Invariant: deleting one takes nothing from an endpoint that runs it (``domain.endpoint.Deployment``
holds its own copy).
"""

from hostler.store.records import Records

MODELS = Records("models")
