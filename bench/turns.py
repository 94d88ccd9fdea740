"""The run: for each model every server is started, then they take turns.

Invariant: within a round every server of a model is measured right after the other, so what
disturbs one's turn disturbs its neighbours' as well, and only ratios within a round are compared.
A peer that is busy while nobody calls it is stopped outside its turns.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench import answers, load, processes
from bench.hostler import NAME, Deployed, hostler
from bench.peers.base import APPS, AbsentError, Kind, Peer, Place

REST_S = 3.0
RESTLESS_PERCENT = 2.0
"""Of a core: more of it would be missing in every other server's turn."""
BOTO3_SERVERS = (NAME, "fastapi", "nginx-static")
"""Those that answer AWS's path: boto3 calls no other."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be measured."""

    kinds: dict[Kind, Path]
    """The peers, each with the interpreter of its environment."""
    models: tuple[str, ...]
    connections: tuple[int, ...]
    rounds: int
    seconds: int
    python: Path
    """An interpreter that has the models' packages."""
    own_network: bool
    gateways: int = 1
    """Of Hostler's."""


@dataclass(slots=True)
class Found:
    """What was measured, as the JSON file holds it."""

    absent: dict[str, str] = field(default_factory=dict)
    starts: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    in_process: list[dict[str, Any]] = field(default_factory=list)
    boto3: list[dict[str, Any]] = field(default_factory=list)
    in_service_s: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    memory_mb: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    idle_endpoint_mb: dict[str, float] = field(default_factory=dict)
    killed_s: dict[str, float] = field(default_factory=dict)


def measure(plan: Plan, work: Path) -> Found:
    """All of it, a model after the other."""
    found, models = Found(), work / "models"
    models.mkdir()
    app(plan.python, "train.py", models, json.dumps(answers.PROBE))
    right = json.loads((models / "right.json").read_text())
    for model in plan.models:
        folder = work / model
        folder.mkdir()
        with contextlib.ExitStack() as stack:
            deployed = stack.enter_context(
                hostler(folder, models, model, right[model], plan.gateways)
            )
            turns = _Turns(plan, found, model, models, folder, deployed)
            turns.note_hostler()
            turns.running.append(deployed.peer)
            for kind, python in plan.kinds.items():
                if model in kind.models:
                    turns.add(stack, kind, python, right[model])
            turns.rest()
            try:
                turns.all_rounds()
            finally:
                turns.wake()
    return found


def app(python: Path, name: str, *words: object) -> str:
    """What a program of bench/apps says."""
    command = [str(python), str(APPS / name), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr}")
    return done.stdout.strip()


@dataclass(slots=True)
class _Turns:
    plan: Plan
    found: Found
    model: str
    models: Path
    work: Path
    deployed: Deployed
    running: list[Peer] = field(default_factory=list)
    restless: list[Peer] = field(default_factory=list)

    def note_hostler(self) -> None:
        """What only Hostler has: its processes, endpoints that come and go."""
        deployed = self.deployed
        memory = {name: asdict(each) for name, each in deployed.memory().items()}
        self.found.memory_mb[self.model] = memory
        self.found.in_service_s[self.model] = deployed.in_service_s
        self.found.idle_endpoint_mb |= deployed.idle_endpoint_mb
        self.found.killed_s[self.model] = deployed.killed_s
        self._started(deployed.peer, deployed.first_answer_s)

    def add(self, stack: contextlib.ExitStack, kind: Kind, python: Path, right: Any) -> None:
        """Start a peer, or note why it is absent."""
        folder = self.work / kind.name
        folder.mkdir()
        place = Place(self.model, self.models, folder, python, self.plan.own_network)
        with contextlib.ExitStack() as own:
            try:
                peer = own.enter_context(kind.start(place))
                wanted = None if kind.name == "nginx-static" else right
                seconds = answers.first_right(peer, self.deployed.key, wanted, kind.start_s_max)
            except (AbsentError, OSError) as reason:
                self._absent(kind.name, str(reason))
                return
            stack.push(own.pop_all())
        self._started(peer, seconds)
        self.running.append(peer)

    def _started(self, peer: Peer, seconds: float) -> None:
        start = {"server": peer.name, "model": self.model, "first_answer_s": round(seconds, 3)}
        memory = {f"{name}_mb": mb for name, mb in asdict(processes.memory(peer.pids())).items()}
        self.found.starts.append(start | memory)
        _say(
            f"{self.model:9} {peer.name:19} first right answer after {seconds:6.2f} s  "
            f"{memory['proportional_mb']:6.1f} MB"
        )

    def rest(self) -> None:
        """What each costs while nobody calls it."""
        before = {peer.name: processes.cpu_s(peer.pids()) for peer in self.running}
        time.sleep(REST_S)
        for peer in self.running:
            used = processes.cpu_s(peer.pids()) - before[peer.name]
            start, percent = self._start_of(peer), used / REST_S * 100
            start["cpu_at_rest_percent"] = round(percent, 1)
            if percent > RESTLESS_PERCENT and peer.name != NAME:
                start["stopped_between_turns"] = True
                self.restless.append(peer)
                _send(peer, signal.SIGSTOP)

    def wake(self) -> None:
        """What is stopped cannot end."""
        for peer in self.restless:
            _send(peer, signal.SIGCONT)

    def all_rounds(self) -> None:
        for number in range(self.plan.rounds):
            for connections in self.plan.connections:
                for peer in self.running:
                    with self._turn(peer, f"round {number}, c = {connections}"):
                        run = {"round": number, **self._one(peer, connections)}
                        self.found.runs.append(run)
                        _say(line(run))
            if self.model == "echo":
                self._through_boto3(number)
            else:
                words = ("in_process.py", self.model, self.models, self.plan.seconds)
                rows_a_second = float(app(self.plan.python, *words))
                row = {"round": number, "model": self.model, "rows_a_second": rows_a_second}
                self.found.in_process.append(row)
        for peer in self.running:
            memory = processes.memory(peer.pids())
            self._start_of(peer)["after_load_mb"] = memory.proportional

    def _one(self, peer: Peer, connections: int) -> dict[str, Any]:
        requests = self.work / f"{peer.name}.lua"
        key = self.deployed.key
        load.write_requests(requests, load.Signer(peer.port, peer.target, key, peer.headers))
        load.run(peer.port, requests, connections, 1)
        before = processes.cpu_s(peer.pids())
        measured = load.run(peer.port, requests, connections, self.plan.seconds)
        cpu_us = (processes.cpu_s(peer.pids()) - before) / measured.requests * 1e6
        return {
            "server": peer.name,
            "model": self.model,
            "connections": connections,
            "rps": round(measured.rps, 1),
            "cpu_us": round(cpu_us, 1),
            **asdict(measured),
        }

    def _through_boto3(self, number: int) -> None:
        """The same calls made by boto3: its own time is seen where nginx answers by itself."""
        peers = {
            f"http://127.0.0.1:{peer.port}": peer
            for peer in self.running
            if peer.name in BOTO3_SERVERS
        }
        try:
            said = _boto3(self.deployed, self.model, self.plan.seconds * len(peers), *peers)
        except subprocess.SubprocessError as reason:
            self._absent("boto3", f"round {number}: {reason}")
            return
        for url, run in json.loads(said).items():
            self.found.boto3.append({"server": peers[url].name, "round": number, **run})

    @contextlib.contextmanager
    def _turn(self, peer: Peer, where: str) -> Iterator[None]:
        """A server that does not answer its load misses its turn, and it is said."""
        if peer in self.restless:
            _send(peer, signal.SIGCONT)
        try:
            yield
        except (load.LoadError, subprocess.SubprocessError) as reason:
            self._absent(peer.name, f"{where}: {' '.join(str(reason).split())[:200]}")
        finally:
            if peer in self.restless:
                _send(peer, signal.SIGSTOP)

    def _absent(self, name: str, reason: str) -> None:
        self.found.absent[f"{name} ({self.model})"] = reason
        _say(f"{self.model:9} {name:19} absent: {reason}")

    def _start_of(self, peer: Peer) -> dict[str, Any]:
        mine = (peer.name, self.model)
        return next(row for row in self.found.starts if (row["server"], row["model"]) == mine)


def _boto3(deployed: Deployed, *words: object) -> str:
    """By Hostler's own environment, which has boto3."""
    command = [sys.executable, str(APPS / "boto3_client.py"), *map(str, words)]
    key, region = deployed.key, deployed.exports["AWS_REGION"]
    environment = {
        "AWS_ACCESS_KEY_ID": key.access_key_id,
        "AWS_SECRET_ACCESS_KEY": key.secret,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
    }
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True, timeout=120
    )
    return done.stdout


def _send(peer: Peer, what: signal.Signals) -> None:
    for pid in peer.pids():
        with contextlib.suppress(OSError):
            os.kill(pid, what)


def line(run: dict[str, Any]) -> str:
    """One run, for whoever watches."""
    return (
        f"{run['model']:9} {run['server']:19} c={run['connections']:<3} {run['rps']:9.0f} rps  "
        f"p50 {run['p50_us']:7} µs  p99 {run['p99_us']:7} µs  cpu {run['cpu_us']:7.1f} µs"
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
