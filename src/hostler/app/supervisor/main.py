"""`hostler up` itself: one selector loop over signals, the desk and timers.

Invariant: nothing here waits for a child. After a kill -9 of this process its children serve on;
the next supervisor takes the listening sockets over from the gateways, replaces the other processes
and leaves instances as they are.
"""

import contextlib
import json
import os
import re
import selectors
import signal
import socket
import sys
import time
from collections.abc import Mapping
from typing import Any, TextIO

from hostler.app import scripts
from hostler.app.config import typed
from hostler.app.config.problems import SettingsError
from hostler.app.settings import Settings
from hostler.app.supervisor import journal, leftovers, place, reload, sockets
from hostler.app.supervisor.children import Child, Children, words
from hostler.app.supervisor.console import Console
from hostler.app.supervisor.desk import Desk
from hostler.app.supervisor.place import DataDirError
from hostler.app.supervisor.readiness import Readiness
from hostler.app.supervisor.stopping import Stopping
from hostler.domain import endings
from hostler.domain.config.server import Server, Tls
from hostler.modelserver import identity, syscalls
from hostler.snapshot import clock

GATEWAY_PAUSE_MAX_S = 5.0
"""Gateways start fast and everybody waits for them."""
WAITING_SAID_EVERY_S = 10.0
ZYGOTE_NOT_FORKED_FROM = 64
"""A zygote's exit status when its imports left threads behind (``modelserver.zygote``)."""

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
_ZYGOTE_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")


class Supervisor:
    """One run of `hostler up` over a data directory that ``lock`` holds."""

    def __init__(self, settings: Settings, console: Console, lock: TextIO) -> None:
        self._settings = settings
        self._console = console
        self._lock = lock
        self._layout = settings.layout
        self._selector = selectors.DefaultSelector()
        self._children = Children(self._layout, ended=self._say_ended)
        self._readiness = Readiness(
            self._selector, settings.host, settings.port, tls=settings.has_tls
        )
        self._announced = False
        self._say_waiting_at = time.monotonic() + WAITING_SAID_EVERY_S
        self._look_around_at = 0.0
        self._deserted = False
        """The data directory is gone, and whatever stands in its place is another's."""
        self._stops_asked = 0
        self._had_terminal = reload.has_terminal()
        self._refusal: str | None = None
        """Why no restart of a process would help."""
        self._listeners: list[socket.socket] = []
        self._draining: dict[identity.ProcessId, float] = {}
        """Gateways that have a successor, and when they are killed (monotonic)."""
        self._not_ours = frozenset(leftovers.children())
        """Children of the shell script that became us."""

    def run(self) -> None:
        """Serve until SIGTERM, SIGINT or `hostler down`; then drain and stop everything.

        Raises:
            DataDirError: the data directory cannot be used; PortTakenError: nor can the port.
        """
        become_subreaper()
        clock.begin()
        settings = self._settings
        previous = leftovers.processes(self._layout)
        address = (settings.host, settings.port, settings.gateways)
        self._listeners = sockets.take_over(self._layout, *address)
        place.keep_settings(settings)
        scripts.begin(settings)
        self._catch_signals()
        self._console.starting()
        desk = Desk(self._selector, self._layout.supervisor_socket, self._answer)
        # Control and S3 are single writers: the old ones end before the new ones begin. Gateways
        # share their sockets, so the new ones begin before the old ones drain.
        gateways = [each.process for each in previous if each.kind == "gateway"]
        others = [each.process for each in previous if each.kind != "gateway"]
        identity.stop_all(others, endings.S3_KILL_S)
        self._start_children()
        for process in gateways:
            process.signal(signal.SIGTERM)
            self._draining[process] = time.monotonic() + endings.GATEWAY_KILL_S
        self._loop()
        self._stop()
        desk.close(remove=not self._deserted)
        self._lock.close()
        if self._refusal is not None:
            raise DataDirError(self._refusal)
        self._console.stopped()

    def _start_children(self) -> None:
        place_ = ("--data-dir", str(self._settings.data_dir))
        python = sys.executable
        for name in ("control", "s3"):
            self._children.add(Child(name, words(f"hostler.app.{name}", *place_, python=python)))
        for slot, listener in enumerate(self._listeners):
            descriptor = listener.fileno()
            config = self._settings.config
            limits = json.dumps(typed.plain(config.gateway))
            where = ("--slot", str(slot), "--fd", str(descriptor))
            listening = json.dumps(_listening(config.server))
            how = (
                *("--log-level", config.logs.level),
                *("--settings", limits, "--listening", listening),
            )
            self._children.add(
                Child(
                    f"gateway-{slot}",
                    words("hostler.gateway", *place_, *where, *how, python=python),
                    (descriptor,),
                    pause_max_s=GATEWAY_PAUSE_MAX_S,
                )
            )

    def _start_init(self) -> None:
        """Run the user's scripts, if there are any."""
        if scripts.found(self._settings):
            place_ = ("--data-dir", str(self._settings.data_dir))
            init = words("hostler.app.init", *place_, python=sys.executable)
            self._children.add(Child("init", init, once=True))

    def _catch_signals(self) -> None:
        reader, writer = socket.socketpair()
        reader.setblocking(False)
        writer.setblocking(False)
        signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        for number in (*_STOP_SIGNALS, signal.SIGHUP, signal.SIGCHLD):
            if number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue  # nohup: a terminal that is closed is none of ours
            signal.signal(number, lambda _number, _frame: None)
        self._selector.register(
            reader, selectors.EVENT_READ, lambda: self._signalled(reader, writer)
        )

    def _signalled(self, reader: socket.socket, _writer: socket.socket) -> None:
        # _writer is held by the closure for as long as its descriptor is the wake-up descriptor.
        for number in reader.recv(512):
            if number in _STOP_SIGNALS:
                self._stops_asked += 2 if number == signal.SIGQUIT else 1
            elif number == signal.SIGHUP:
                self._hung_up()

    def _hung_up(self) -> None:
        """A terminal that was closed ends us, as every command; else settings are to be read."""
        if self._had_terminal and not reload.has_terminal():
            self._stops_asked += 1
        elif not self._stops_asked:
            self._reload()

    def _reload(self) -> Mapping[str, Any]:
        try:
            settings, changed, waiting = reload.read(self._settings)
            place.keep_settings(settings)
        except (SettingsError, DataDirError) as error:
            self._console.say(f"settings stay as they were: {error}")
            return {"error": str(error)}
        self._settings = settings
        names = reload.concerned(changed)
        for name in names:
            self._children.renew(self._children.by_name[name])
        if settings.has_tls:
            for child in self._children.running("gateway-"):  # its certificate may be another
                self._children.signal(child, signal.SIGHUP)
        self._console.say(reload.line(changed, waiting))
        file = str(settings.file) if settings.file else None
        return {"file": file, "changed": changed, "waiting": waiting, "restarted": names}

    def _loop(self) -> None:
        while not self._stops_asked:
            self._children.reap()
            dues = (
                self._children.do_due(),
                self._readiness.look(),
                self._announce(),
                self._end_predecessors(),
                self._look_around(),
            )
            self.turn(min(each for each in dues if each is not None))

    def turn(self, timeout_s: float) -> None:
        """Serve the desk, signals and timers for at most so long."""
        for key, _events in self._selector.select(max(0.0, timeout_s)):
            key.data()

    def _announce(self) -> float | None:
        """Say once that it is ready, and what is awaited when that takes long."""
        if self._announced:
            return None
        now = time.monotonic()
        if self._readiness.health is not None:
            self._announced = True
            self._console.announce(self._readiness.health)
            self._start_init()
            return None
        if now >= self._say_waiting_at:
            self._say_waiting_at = now + WAITING_SAID_EVERY_S
            self._console.say(f"not ready yet: waiting for {self._awaited()}")
        return self._say_waiting_at - now

    def _awaited(self) -> str:
        last = self._readiness.last or {}
        missing = [name for name in ("control", "s3", "gateways") if not last.get(name)]
        return f"{', '.join(missing)} (their logs are in {self._layout.process_logs})"

    def _end_predecessors(self) -> float | None:
        """Gateways that have a successor end by themselves, or are ended."""
        self._draining = {each: due for each, due in self._draining.items() if each.alive}
        if not self._draining:
            return None
        now = time.monotonic()
        for process, due in self._draining.items():
            if due <= now:
                process.signal(signal.SIGKILL)
        return max(1.0, min(self._draining.values()) - now)

    def _look_around(self) -> float:
        """Now and then: is the data directory still there, and are the logs within their bound?"""
        now = time.monotonic()
        if now >= self._look_around_at:
            self._look_around_at = now + journal.LOOK_EVERY_S
            if not place.holds(self._layout.root, self._lock):
                self._console.say(f"{self._layout.root} was deleted: stopping")
                self._deserted = True
                self._stops_asked = max(1, self._stops_asked)
            bytes_max = self._settings.config.logs.process_megabytes << 20
            self._children.bound_logs(bytes_max)
            journal.bound(self._layout.up_log, bytes_max)
        return self._look_around_at - now

    def _say_ended(self, child: Child) -> None:
        """The first ends of a process are news; of one that goes on dying, ever fewer are said."""
        self._look_around_at = 0.0
        times = child.restarts
        log = self._layout.process_log(child.name)
        if child.given_up:
            self._console.say(f"{child.name} ended for good ({child.last_exit}): see {log}")
        elif times & (times - 1) == 0:
            again = "is started again" if times == 1 else f"was started again {times} times"
            self._console.say(f"{child.name} ended ({child.last_exit}) and {again}: see {log}")

    def _stop(self) -> None:
        self._children.stopping = True
        self._console.say("stopping: finishing what is in flight (Ctrl-C again: at once)")
        Stopping(
            self._layout,
            self._children,
            draining=list(self._draining),
            spared=self._not_ours,
            turn=self.turn,
            hurried=lambda: self._stops_asked > 1,
        ).run(deserted=self._deserted)
        for listener in self._listeners:
            listener.close()
        self._console.say("stopped")

    def _answer(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        match request:
            case {"op": "status"}:
                return self._status()
            case {"op": "say", "line": str(line)}:
                self._console.say(line)
                return {"ok": True}
            case {"op": "reload"}:
                return {"error": "Hostler is stopping"} if self._stops_asked else self._reload()
            case {"op": "renew", "name": "control" as name}:
                if not self._stops_asked:
                    self._children.renew(self._children.by_name[name])
                return {"ok": True}
            case {"op": "stop"}:
                self._stops_asked = max(1, self._stops_asked)
                return {"ok": True}
            case {"op": "refuse", "line": str(line)}:
                self._refusal = self._refusal or line
                self._stops_asked = max(1, self._stops_asked)
                return {"ok": True}
            case {"op": "succeed", "name": str(name), "pid": int(pid), "failed": bool(failed)}:
                return self._succeed(name, pid, failed=failed)
            case {"op": "zygote", "name": str(name), "argv": [str(), *_] as argv}:
                return self._zygote(name, argv)
        return {"error": f"unknown request {json.dumps(request)[:200]}"}

    def _succeed(self, name: str, pid: int, *, failed: bool) -> Mapping[str, Any]:
        if not self._stops_asked and any(each.pid == pid for each in self._draining):
            return {"ok": True}  # an earlier supervisor's: its successor is on its way
        leaving = self._children.succeed(name, pid, failed=failed)
        if leaving is None:
            return {"error": f"{pid} is not {name} here, or Hostler is stopping"}
        self._draining[leaving] = time.monotonic() + endings.GATEWAY_KILL_S
        self._console.say(f"{name} is followed by another, and ends when its last answer is out")
        return {"ok": True}

    def _zygote(self, name: str, argv: list[Any]) -> Mapping[str, Any]:
        if not _ZYGOTE_NAME.fullmatch(name) or not all(isinstance(word, str) for word in argv):
            return {"error": "a zygote's name is of a-z, 0-9, - and ., its argv of strings"}
        if self._stops_asked:
            return {"error": "Hostler is stopping"}
        child = Child(f"zygote-{name}", tuple(argv), final_status=ZYGOTE_NOT_FORKED_FROM)
        child = self._children.add(child)
        if child.given_up:
            return {"error": f"{child.name} cannot be forked from ({child.last_exit})"}
        return {"ok": True}

    def _status(self) -> dict[str, Any]:
        now = time.monotonic()
        return {
            "pid": os.getpid(),
            "ready": self._announced,
            "stopping": bool(self._stops_asked),
            # Where it is and as whom: other sections may hold a password (of an index, say).
            "settings": {
                **typed.plain(self._settings.config.server),
                "data_dir": str(self._settings.data_dir),
            },
            "children": [
                {
                    "name": child.name,
                    "pid": child.process.pid if child.process else None,
                    "uptime_s": round(now - child.started, 1) if child.process else None,
                    "starts_in_s": _starts_in(child, now),
                    "restarts": child.restarts,
                    "last_exit": child.last_exit,
                }
                for child in self._children.by_name.values()
            ],
        }


def _listening(server: Server) -> dict[str, Any]:
    """How a gateway is to listen (``gateway.tls.Listening``)."""
    return {
        "hosts": server.hosts,
        "names": server.own_names if server.tls is Tls.LOCAL else (),
        "certificate": server.tls_certificate,
        "key": server.tls_key,
    }


def _starts_in(child: Child, now: float) -> float | None:
    if child.process is not None or child.given_up:
        return None
    return round(max(0.0, child.start_at - now), 1)


def become_subreaper() -> None:
    """Orphans below us (shims of instances) become our children, to be reaped here."""
    with contextlib.suppress(OSError):
        syscalls.prctl(syscalls.PR_SET_CHILD_SUBREAPER, 1)
