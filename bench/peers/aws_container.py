"""The pattern of AWS's sample containers: nginx before gunicorn (gevent) before flask.

https://github.com/aws/amazon-sagemaker-examples, advanced_functionality/scikit_bring_your_own: its
settings, with one worker. nginx writes its access log, as there.
"""

import contextlib
import time
from collections.abc import Iterator

from bench.peers.base import Kind, Peer, Place, child, free_port
from bench.peers.nginx import write

_CONFIG = """
{user}
worker_processes 1; daemon off; pid {work}/nginx.pid; error_log {work}/error.log;
events {{ }}
http {{
  default_type application/octet-stream; access_log {work}/access.log combined; {temporary}
  upstream gunicorn {{ server unix:{work}/gunicorn.sock; }}
  server {{
    listen 127.0.0.1:{port} deferred;
    client_max_body_size 5m; keepalive_timeout 5; proxy_read_timeout 300s;
    location ~ ^/(ping|invocations) {{
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header Host $http_host;
      proxy_redirect off; proxy_pass http://gunicorn;
    }}
    location / {{ return 404 "{{}}"; }}
  }}
}}
"""


@contextlib.contextmanager
def start(place: Place) -> Iterator[Peer]:
    port, began = free_port(), time.monotonic()
    config = write(_CONFIG, place.work, port)
    words = f"--timeout 60 -k gevent -w 1 -b unix:{place.work}/gunicorn.sock flask_app:app"
    with (
        child(place, "nginx", "-c", config) as front,
        child(place, place.python.with_name("gunicorn"), *words.split()) as application,
    ):
        yield Peer(KIND.name, port, "/invocations", began, [front, application], log=place.log)


KIND = Kind(
    name="aws-container",
    title="AWS's sample container: nginx + gunicorn + flask",
    start=start,
    version="nginx {nginx}, gunicorn {gunicorn}, flask {flask}",
    requirements=("flask==3.1.3", "gunicorn[gevent]==27.0.1", "gevent==26.9.0"),
    programs=("nginx",),
)
