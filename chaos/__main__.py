"""``python -m chaos``: every fault against a Hostler of its own, and a table of verdicts."""

import argparse
import json
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path

from chaos import bad_versions, clients, instances, overload, planes, updates, verdict
from chaos.scale import FULL, SHORT, Scale
from chaos.verdict import Claim, Verdict
from chaos.world import World, world

Fault = Callable[[World], Iterable[Claim]]

FAULTS: dict[str, tuple[str, tuple[Fault, ...]]] = {
    "F1": ("a model server is killed", (instances.killed, instances.whole_instance)),
    "F2": ("a model server is stopped", (instances.stopped,)),
    "F3": ("a model runs out of memory", (instances.out_of_memory,)),
    "F4": ("a model dies at its start", (instances.dies_at_load,)),
    "F5": ("slow clients", (clients.slow,)),
    "F6": ("large bodies", (clients.large,)),
    "F7": ("idle connections", (clients.idle,)),
    "F8": ("malformed HTTP", (clients.malformed_http,)),
    "F12": ("a gateway is restarted", (planes.restarted,)),
    "F13": ("the control plane is down", (planes.without_control,)),
    "F20": ("several times the capacity", (overload.overloaded,)),
    "U1": ("updates under load", (updates.updated,)),
    "U2": ("bad versions", (bad_versions.taken_back,)),
}
GATEWAYS = {"U1": 2, "U2": 2}
"""Where it is not one: an update is over when each of them knows."""


def main() -> int:
    """Run the chosen faults; 1 if one of them does not hold."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--only", help=f"faults, comma-separated, of {', '.join(FAULTS)}")
    parser.add_argument("--seed", type=int, help="the dice; without it, one is drawn and printed")
    parser.add_argument("--short", action="store_true", help="as small as in the tests")
    parser.add_argument("--out", type=Path, default=Path(".cache/chaos.json"))
    options = parser.parse_args()
    chosen = options.only.split(",") if options.only else list(FAULTS)
    unknown = [name for name in chosen if name not in FAULTS]
    if unknown:
        parser.error(f"no such fault: {', '.join(unknown)}")
    seed = random.SystemRandom().randrange(1 << 32) if options.seed is None else options.seed
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # its Hostler ends with it
    print(f"seed {seed}", flush=True)
    scale = SHORT if options.short else FULL
    verdicts = []
    for name in chosen:
        verdicts.append(judge(name, seed, scale))
        print(verdict.table(verdicts[-1:]), flush=True)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    document = {"seed": seed, "verdicts": [each.as_json() for each in verdicts]}
    options.out.write_text(json.dumps(document, indent=2))
    failed = [each.fault for each in verdicts if not each.holds]
    print(f"{options.out}; " + (f"does not hold: {', '.join(failed)}" if failed else "all hold"))
    return bool(failed)


def judge(name: str, seed: int, scale: Scale) -> Verdict:
    """Do what the fault is, to a Hostler of its own."""
    title, parts = FAULTS[name]
    began = time.monotonic()
    claims: list[Claim] = []
    try:
        with world(seed, scale, GATEWAYS.get(name, 1)) as made:
            for part in parts:
                claims += part(made)
    except Exception as error:  # noqa: BLE001 - a fault that cannot be judged does not hold
        traceback.print_exc()
        claims.append(
            verdict.count("it can be judged", f"{type(error).__name__}: {error}"[:500], False)
        )
    return Verdict(name, title, tuple(claims), round(time.monotonic() - began, 1))


if __name__ == "__main__":
    sys.exit(main())
