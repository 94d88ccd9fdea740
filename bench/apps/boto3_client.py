"""``python boto3_client.py URL ENDPOINT SECONDS``: one client, one call after another.

The key stands in AWS's own variables. Prints the latencies, and this process's CPU time for a call.
"""

import json
import random
import sys
import time

import boto3

url, endpoint, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
runtime = boto3.client("sagemaker-runtime", endpoint_url=url)
rng = random.Random(1)
bodies = [
    json.dumps({"instances": [[round(rng.uniform(0.1, 7.9), 3) for _ in range(4)]]}).encode()
    for _ in range(2000)
]


def call(body: bytes) -> float:
    began = time.perf_counter()
    answered = runtime.invoke_endpoint(
        EndpointName=endpoint, ContentType="application/json", Body=body
    )
    answered["Body"].read()
    return (time.perf_counter() - began) * 1e6


for body in bodies[:50]:
    call(body)
took: list[float] = []
cpu, began = time.process_time(), time.monotonic()
while time.monotonic() - began < seconds:
    took.append(call(bodies[len(took) % len(bodies)]))
elapsed, cpu = time.monotonic() - began, time.process_time() - cpu
took.sort()
print(
    json.dumps(
        {
            "requests": len(took),
            "rps": round(len(took) / elapsed),
            "p50_us": round(took[len(took) // 2]),
            "p90_us": round(took[len(took) * 9 // 10]),
            "p99_us": round(took[len(took) * 99 // 100]),
            "max_us": round(took[-1]),
            "client_cpu_us": round(cpu / len(took) * 1e6),
        }
    )
)
