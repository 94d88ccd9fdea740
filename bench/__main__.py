"""``python -m bench``: one interleaved run, a JSON file, a table of ratios, and the targets."""

import argparse
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench import decisions, docs, environments, load, network, report, serverless, turns
from bench.environments import CACHE
from bench.hostler import NAME, build_runtimes, hostler_version
from bench.machine import machine
from bench.peers import BY_NAME, KINDS
from bench.peers.base import MODELS, AbsentError, Kind
from bench.turns import Plan

MODELS_ENVIRONMENT = "models"
WAKES = 9
"""How often a serverless endpoint is woken."""
DEBIAN = {"nginx": "nginx-light", "java": "default-jre-headless"}
"""The packages that programs come from."""


def main() -> None:
    """Run and report."""
    options = arguments()
    # Told to end, it ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if options.read:
        found = [json.loads(path.read_text()) for path in options.read]
    else:
        found = [run(options)]
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(found[0], indent=1))
    for each in found:
        print(report.text(each))
    if options.docs:
        docs.write(found)
    if not options.read:
        print(f"\n{options.out}")
    if any(name.startswith(NAME) for each in found for name in each["absent"]):
        raise SystemExit("Hostler did not answer all of its load")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=2, help="of each measurement")
    parser.add_argument("--quick", action="store_true", help="one short round")
    names = ", ".join(BY_NAME)
    parser.add_argument("--only", type=_words(BY_NAME), help=f"peers beside Hostler, of {names}")
    parser.add_argument("--all", action="store_true", help="the slow ones to start as well")
    parser.add_argument("--models", type=_words(MODELS), default=MODELS, help=", ".join(MODELS))
    parser.add_argument("--connections", type=_numbers, default=(1, 8, 64), help="1,8,64")
    parser.add_argument("--gateways", type=int, default=1, help="of Hostler's, on its one port")
    parser.add_argument("--out", type=Path, default=CACHE / "bench.json")
    parser.add_argument("--docs", action="store_true", help="write docs/explanation")
    parser.add_argument(
        "--read", type=Path, nargs="+", metavar="JSON", help="earlier runs; nothing is measured"
    )
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 1, 2
    return options


def _words(known: Any) -> Any:
    def parse(text: str) -> tuple[str, ...]:
        words = tuple(text.split(","))
        if unknown := [word for word in words if word not in known]:
            raise argparse.ArgumentTypeError(f"no {unknown[0]}; there are {', '.join(known)}")
        return words

    return parse


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in text.split(","))


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Build what is needed, leave the network, measure."""
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is not installed (Debian: apt-get install wrk)")
    absent: dict[str, str] = {}
    kinds = {kind: built(kind, absent) for kind in KINDS if wanted(kind, options)}
    present = {kind: python for kind, python in kinds.items() if kind.name not in absent}
    build_runtimes((*options.models, "echo"))  # serverless.woken has an echo
    python = environments.python(MODELS_ENVIRONMENT, ())
    own_network = network.leave()
    plan = Plan(
        kinds=present,
        models=options.models,
        connections=options.connections,
        rounds=options.rounds,
        seconds=options.seconds,
        python=python,
        own_network=own_network,
        gateways=options.gateways,
    )
    known, before = about(plan), decisions.measured()
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="h-bench-") as folder:
        found = turns.measure(plan, Path(folder))
    found.absent = absent | found.absent
    woken = _woken(found.absent)
    after = decisions.measured()  # a machine's speed is not what it was a quarter of an hour ago
    return (
        known
        | asdict(found)
        | ({"serverless_ms": woken} if woken else {})
        | {"decisions_us": {each: before[each] + after[each] for each in after}}
    )


def _woken(absent: dict[str, str]) -> dict[str, float]:
    """How long a sleeping endpoint's caller waits; without it what was measured is kept."""
    try:
        return serverless.woken(WAKES)
    except (RuntimeError, AbsentError, load.LoadError) as reason:
        absent[f"{NAME} (serverless)"] = " ".join(str(reason).split())[:200]
    return {}


def about(plan: Plan) -> dict[str, Any]:
    """When, where and of what versions."""
    kinds = plan.kinds
    return {
        "when": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "machine": machine() | {"own_network": plan.own_network},
        "rounds": plan.rounds,
        "seconds": plan.seconds,
        "gateways": plan.gateways,
        "distinct_requests": load.DISTINCT,
        "versions": {NAME: hostler_version()} | {kind.name: version(kind) for kind in kinds},
        "packages": {
            kind.name: environments.packages(python)
            for kind, python in kinds.items()
            if kind.requirements
        },
        "models": {"packages": environments.packages(plan.python)},
    }


def wanted(kind: Kind, options: argparse.Namespace) -> bool:
    if options.only:
        return kind.name in options.only
    return options.all or not kind.only_with_all


def built(kind: Kind, absent: dict[str, str]) -> Path:
    """The interpreter for a peer, or a note of why there is none."""
    if missing := [word for word in kind.programs if shutil.which(word) is None]:
        word = missing[0]
        absent[kind.name] = f"{word} is not installed (Debian: apt-get install {DEBIAN[word]})"
        return Path()
    try:
        return interpreter(kind)
    except environments.EnvironmentFailedError as reason:
        absent[kind.name] = str(reason)
    return Path()


def interpreter(kind: Kind) -> Path:
    """Of a peer's own environment; one without packages shares the models'."""
    name = kind.name if kind.requirements else MODELS_ENVIRONMENT
    return environments.python(name, kind.requirements)


def version(kind: Kind) -> str:
    """A peer's line of versions."""
    known = environments.packages(interpreter(kind))
    for program, word, take in (("nginx", "-v", -1), ("java", "--version", 1)):
        if program in kind.programs:
            done = subprocess.run([program, word], capture_output=True, text=True, check=True)
            first = (done.stdout or done.stderr).splitlines()[0]
            known[program] = first.split()[take].removeprefix("nginx/")
    return kind.version.format_map(known)


if __name__ == "__main__":
    main()
