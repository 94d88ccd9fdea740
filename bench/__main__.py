"""``python -m bench``: one interleaved run, a JSON file and a table of ratios."""

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from bench import load, peers, processes, report
from bench.hostler import Deployed, hostler
from bench.peers import Peer

CACHE = Path(".cache/bench").resolve()
CONNECTIONS = (1, 8, 64)
STARTERS = {
    "fastapi": peers.fastapi,
    "nginx-unix": peers.nginx,
    "nginx-static": peers.nginx_static,
}


def main() -> None:
    """Run and report."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=2, help="of each measurement")
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--only", help="servers, comma-separated (hostler always runs)")
    parser.add_argument("--out", type=Path, default=CACHE / "bench.json")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 1, 2
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="h-bench-") as folder:
        found = measure(Path(folder), options)
    options.out.write_text(json.dumps(found, indent=2))
    print(report.table(found))
    print(f"\n{options.out}")


def measure(work: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Start every server, then let them take turns."""
    _app("train.py", work)
    chosen = options.only.split(",") if options.only else list(STARTERS)
    absent: dict[str, str] = {}
    with contextlib.ExitStack() as stack:
        deployed = stack.enter_context(hostler(work))
        running = [deployed.peer]
        for name in chosen:
            try:
                running.append(stack.enter_context(STARTERS[name](CACHE, work)))
            except peers.AbsentError as reason:
                absent[name] = str(reason)
        turns = Turns(running, deployed, work)
        runs = turns.run(options.rounds, options.seconds)
    return {
        "machine": machine(),
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "versions": {peer.name: peer.version for peer in running},
        "absent": absent,
        "distinct_requests": load.DISTINCT,
        "in_process_rows_a_second": turns.in_process,
        "in_service_s": deployed.in_service_s,
        "memory_mb": deployed.memory_mb,
        "runs": runs,
    }


def machine() -> dict[str, Any]:
    """Where this was measured."""
    return {
        "cpus": os.cpu_count(),
        "load_average": os.getloadavg()[0],
        "platform": platform.platform(),
        "python": platform.python_version(),
    }


def _app(name: str, *words: object) -> str:
    """Run a program of bench/apps in the peers' environment."""
    command = [peers.peer_python(CACHE), peers.APPS / name, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@dataclass
class Turns:
    """The interleaved runs: what disturbs one server's turn disturbs its neighbours' as well."""

    running: list[Peer]
    deployed: Deployed
    work: Path
    in_process: list[float] = field(default_factory=list)
    """By round: rows a second that one core predicts without any server."""

    def run(self, rounds: int, seconds: int) -> list[dict[str, Any]]:
        runs = []
        for number in range(rounds):
            for model, connections in product(peers.MODELS, CONNECTIONS):
                for peer in self.running:
                    if model in peer.models:
                        found = self._one(peer, model, connections, seconds)
                        runs.append({"round": number, **found})
                        print(line(runs[-1]), file=sys.stderr, flush=True)
            self.in_process.append(float(_app("in_process.py", self.work, seconds)))
        return runs

    def _one(self, peer: Peer, model: str, connections: int, seconds: int) -> dict[str, Any]:
        requests = self.work / f"{peer.name}-{model}.lua"
        load.write_requests(requests, peer.port, peer.targets[model], self.deployed.key)
        load.run(peer.port, requests, connections, 1)
        before = processes.cpu_s(peer.pids())
        measured = load.run(peer.port, requests, connections, seconds)
        cpu_us = (processes.cpu_s(peer.pids()) - before) / measured.requests * 1e6
        return {
            "server": peer.name,
            "model": model,
            "connections": connections,
            "rps": round(measured.rps),
            "cpu_us": round(cpu_us, 1),
            **asdict(measured),
        }


def line(run: dict[str, Any]) -> str:
    """One run, for whoever watches."""
    return (
        f"{run['model']:9} c={run['connections']:<3} {run['server']:13} {run['rps']:8} rps  "
        f"p50 {run['p50_us']:7} µs  p99 {run['p99_us']:7} µs  cpu {run['cpu_us']:6} µs"
    )


if __name__ == "__main__":
    main()
