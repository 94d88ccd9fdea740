"""How much of each fault there is: all of it, or what a test has the time for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """Numbers and seconds of every fault; the defaults are all of it."""

    per_second: int = 200
    kills: int = 20
    kill_apart_s: float = 6.0
    stops: int = 3
    stopped_s: float = 12.0
    to_the_deadline: bool = True
    """Whether a stopped server stays so until its callers' deadline."""
    slow_clients: int = 500
    rounds: int = 3
    """Of a disturbance and a quiet time, in turn, where latencies are compared."""
    quiet_s: float = 8.0
    bodies: int = 50
    idle_connections: int = 10_000
    restarts: int = 50
    slow_s: float = 30.0
    """How long the requests take that must survive restarts."""
    slow_requests: int = 6
    without_control_s: float = 20.0
    factors: tuple[int, ...] = (2, 5, 10)
    warm_s: float = 3.0
    """Under load before anything is measured: a line must fill."""
    overload_s: float = 12.0
    slow_model_s: float = 40.0
    """How long a model of half a second is overloaded; 0 for not at all."""
    crash_loop: bool = True
    """Whether a start that fails again and again is watched for a minute."""
    updates: int = 50
    """Of each kind."""
    updated_at_once: int = 2
    """Endpoints that are updated side by side, each with its load."""
    bake_s: int = 1
    bad_versions: tuple[str, ...] = ("5xx", "slow", "crashes", "hangs")
    """Flaws, each tried under each policy."""
    bad_policies: tuple[str, ...] = ("ALL_AT_ONCE", "CANARY", "LINEAR", "ROLLING")
    bad_per_second: int = 25
    bad_at_once: int = 8
    alarms_set: bool = False
    """Whether a test sets the alarms, where else they wait for their metric's minute."""


FULL = Scale()
SHORT = Scale(
    kills=3,
    kill_apart_s=0.3,
    stops=1,
    stopped_s=3.2,
    to_the_deadline=False,
    slow_clients=40,
    rounds=1,
    quiet_s=0.3,
    bodies=8,
    idle_connections=1000,
    restarts=2,
    slow_s=2.0,
    slow_requests=2,
    without_control_s=1.0,
    factors=(10,),
    warm_s=0.8,
    overload_s=1.0,
    slow_model_s=0.0,
    crash_loop=False,
    updates=5,
    bake_s=0,
    bad_versions=("slow", "cannot load"),
    bad_policies=("CANARY", "ROLLING"),
    alarms_set=True,
)
