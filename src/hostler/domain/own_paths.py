"""Paths of Hostler's own on the port that AWS's services answer on.

Invariant: all but Prometheus's lie below ``PREFIX``, and no bucket can be named so.
"""

PREFIX = "/_hostler/"
HEALTH = "/_hostler/health"
ENDPOINT_UPDATES = "/_hostler/endpoint-updates"
"""What became of an endpoint's updates: for `hostler rollout`."""
METRICS = "/metrics"
"""Where Prometheus looks; a bucket may have the name (``gateway.own`` tells them apart)."""
