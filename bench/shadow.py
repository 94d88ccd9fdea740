"""``python -m bench.shadow``: what a shadow costs those who call.

One endpoint answers what it is sent; its shadow runs the same model. In turns nothing is copied
(the shadow's weight is 0) and everything is (its weight is the production variant's). Measured are
calls one after the other, and as many as 64 connections get answered; then what became of the
copies. A JSON file and a table.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from bench import deploying, load
from bench.environments import CACHE
from bench.hostler import Deployed, hostler
from bench.machine import machine

ENDPOINT = "shadowed"
SHARES = {"nothing copied": 0.0, "everything copied": 1.0}
CONNECTIONS = 64
PATIENCE_S = 60.0


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m bench.shadow", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement")
    parser.add_argument("--out", type=Path, default=CACHE / "shadow.json")
    options = parser.parse_args()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="h-bench-") as folder:
        work = Path(folder)
        with hostler(work, work, "echo", None) as deployed:
            shadowed = Shadowed(deployed, work / "requests.lua")
            shadowed.create()
            runs = [
                {"share": name, **shadowed.measure(share, options.seconds)}
                for _ in range(options.rounds)
                for name, share in SHARES.items()
            ]
            found = {"machine": machine(), "runs": runs, "copies": shadowed.copies()}
    options.out.write_text(json.dumps(found, indent=2))
    print(table(found))
    print(f"\n{options.out}")


class Shadowed:
    """A running Hostler with an endpoint that has a shadow."""

    def __init__(self, deployed: Deployed, requests: Path) -> None:
        self._deployed = deployed
        self._requests = requests
        self._sagemaker = self._client("sagemaker")

    def create(self) -> None:
        """The endpoint, in service, and the requests for it."""
        live, copy = (
            {
                "VariantName": name,
                "ModelName": self._deployed.model,
                "InstanceType": "ml.t2.medium",
                "InitialInstanceCount": 1,
            }
            for name in ("live", "copy")
        )
        self._sagemaker.create_endpoint_config(
            EndpointConfigName=ENDPOINT, ProductionVariants=[live], ShadowProductionVariants=[copy]
        )
        self._sagemaker.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName=ENDPOINT)
        self._settled()
        load.write_requests(self._requests, self._signer())

    def measure(self, share: float, seconds: int) -> dict[str, float]:
        """Calls one by one and many at once, with so much copied."""
        wish = {"VariantName": "copy", "DesiredWeight": share}
        self._sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=ENDPOINT, DesiredWeightsAndCapacities=[wish]
        )
        self._settled()
        signer = self._signer()
        raw = [signer.request(number, load.body(row)) for number, row in enumerate(load.rows())]
        port = self._deployed.peer.port
        windows = load.one_by_one(port, raw, seconds)
        many = load.run(port, self._requests, CONNECTIONS, seconds)
        return {
            "p50_us": median(p50 for p50, _ in windows),
            "p99_us": median(p99 for _, p99 in windows),
            "rps": many.rps,
            "many_p99_us": many.p99_us,
        }

    def copies(self) -> dict[str, float]:
        """What became of them, as far as it is known in a few seconds."""
        time.sleep(5)
        now = time.time()
        found = {}
        for name in ("Copied", "Dropped", "AnswersEqual", "AnswersDifferent", "Uncompared"):
            answer = self._client("cloudwatch").get_metric_statistics(
                Namespace="Hostler/Shadow",
                MetricName=name,
                Dimensions=[
                    {"Name": "EndpointName", "Value": ENDPOINT},
                    {"Name": "VariantName", "Value": "copy"},
                ],
                StartTime=now - 3600,
                EndTime=now + 60,
                Period=60,
                Statistics=["Sum"],
            )
            found[name] = sum(point["Sum"] for point in answer["Datapoints"])
        return found

    def _settled(self) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while (
            self._sagemaker.describe_endpoint(EndpointName=ENDPOINT)["EndpointStatus"]
            != "InService"
        ):
            if time.monotonic() > deadline:
                raise RuntimeError(f"{ENDPOINT} is not in service within {PATIENCE_S:g} s")
            time.sleep(0.05)

    def _signer(self) -> load.Signer:
        path = f"/endpoints/{ENDPOINT}/invocations"
        return load.Signer(self._deployed.peer.port, path, self._deployed.key)

    def _client(self, service: str) -> Any:
        return deploying.client(self._deployed.exports, service)


def table(found: dict[str, Any]) -> str:
    """Medians over the rounds."""
    lines = ["| | p50 µs, c = 1 | p99 µs | calls/s, c = 64 | p99 ms |", "|---|---|---|---|---|"]
    for share in SHARES:
        runs = [each for each in found["runs"] if each["share"] == share]
        p50, p99, rps, many = (
            median(each[name] for each in runs)
            for name in ("p50_us", "p99_us", "rps", "many_p99_us")
        )
        lines.append(f"| {share} | {p50:.0f} | {p99:.0f} | {rps:,.0f} | {many / 1000:.1f} |")
    copies = ", ".join(f"{name} {count:,.0f}" for name, count in found["copies"].items())
    return "\n".join((*lines, "", copies))


if __name__ == "__main__":
    main()
