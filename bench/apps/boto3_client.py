"""``python boto3_client.py ENDPOINT SECONDS URL …``: one client that calls the servers in turns.

One call after another as users make them, each to the next server: the client's own time, which is
most of it, is then the same for all. The key stands in AWS's own variables. Prints, by URL, the
latencies and this process's CPU time for a call.
"""

import json
import random
import sys
import time
from typing import Any

import boto3

endpoint, seconds, urls = sys.argv[1], float(sys.argv[2]), sys.argv[3:]
runtimes = {url: boto3.client("sagemaker-runtime", endpoint_url=url) for url in urls}
rng = random.Random(1)
bodies = [
    json.dumps({"instances": [[round(rng.uniform(0.1, 7.9), 3) for _ in range(4)]]}).encode()
    for _ in range(2000)
]


def call(runtime: Any, body: bytes) -> tuple[float, float]:
    """Microseconds on the clock, and of CPU."""
    began, cpu = time.perf_counter(), time.process_time()
    answered = runtime.invoke_endpoint(
        EndpointName=endpoint, ContentType="application/json", Body=body
    )
    answered["Body"].read()
    return (time.perf_counter() - began) * 1e6, (time.process_time() - cpu) * 1e6


def figures(calls: list[tuple[float, float]]) -> dict[str, int]:
    took = sorted(microseconds for microseconds, _cpu in calls)
    return {
        "requests": len(took),
        "p50_us": round(took[len(took) // 2]),
        "p90_us": round(took[len(took) * 9 // 10]),
        "p99_us": round(took[len(took) * 99 // 100]),
        "max_us": round(took[-1]),
        "client_cpu_us": round(sum(cpu for _took, cpu in calls) / len(calls)),
    }


for body in bodies[:50]:
    for runtime in runtimes.values():
        call(runtime, body)
measured: dict[str, list[tuple[float, float]]] = {url: [] for url in urls}
deadline, number = time.monotonic() + seconds, 0
while time.monotonic() < deadline:
    for url, runtime in runtimes.items():
        measured[url].append(call(runtime, bodies[number % len(bodies)]))
    number += 1
print(json.dumps({url: figures(calls) for url, calls in measured.items()}))
