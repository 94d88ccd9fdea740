"""The servers under test, a module a family.

Invariant: a peer runs as its own documentation says for production, with one model process, and one
that cannot run here is reported as absent with the reason.
"""

from bench.peers import (
    aws_container,
    bentoml,
    fastapi,
    litserve,
    mlserver,
    multi_model_server,
    nginx,
    ray_serve,
    triton,
)
from bench.peers.base import Kind

KINDS: tuple[Kind, ...] = (
    fastapi.KIND,
    litserve.KIND,
    bentoml.KIND,
    aws_container.KIND,
    triton.KIND,
    mlserver.KIND,
    ray_serve.KIND,
    multi_model_server.KIND,
    nginx.UNIX,
    nginx.STATIC,
)
BY_NAME = {kind.name: kind for kind in KINDS}
