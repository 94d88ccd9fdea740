"""Every limit of the gateway, in one record; units are in the names.

Invariant: nothing that a client or a model can make grow is without a limit here.
"""

from dataclasses import dataclass

from hostler.domain import endings

KIB = 1024
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Safe by default. ``body_bytes_max`` is the real-time limit of AWS's guide, 25 MB."""

    connections_max: int = 16_384
    header_bytes_max: int = 32 * KIB
    headers_max: int = 100
    header_deadline_s: float = 10.0
    """From a request's first byte to the end of its head."""
    body_bytes_max: int = 25 * MIB
    bodies_bytes_max: int = 512 * MIB
    """Large bodies (above ``hash_inline_bytes_max``) that are held at once; others wait unread."""
    medium_bodies_bytes_max: int = 256 * MIB
    """The same for medium ones, by themselves: large ones that come slowly do not hold them up."""
    small_body_bytes_max: int = 16 * KIB
    """Up to this a body is small, and not counted: all connections together hold 256 MiB of them at
    most. Above it is medium."""
    body_rate_min: int = 1024
    """Bytes a second, over ``body_rate_window_s``, while a body is awaited."""
    body_rate_window_s: float = 10.0
    answer_rate_min: int = 1024
    """Bytes a second, over ``answer_rate_window_s``, while a client has answers to take. The window
    is long: who works through a download piece by piece takes nothing for a while."""
    answer_rate_window_s: float = 60.0
    idle_s: float = 75.0
    """Between requests on a kept connection."""
    linger_s: float = 5.0
    """How long the rest of a refused request is read and dropped, so that its answer arrives."""
    invocation_s: float = endings.INVOCATION_S
    """SageMaker's limit on a real-time answer, from the end of the request."""
    queue_max: int = 1024
    """Invocations that wait for one variant's instances."""
    queue_bytes_max: int = 256 * MIB
    """The bodies of those."""
    queue_wait_s: float = 30.0
    """An invocation that would probably wait longer than this is refused at once, as is one that
    would wait beyond its deadline. Half of that, so that there is time left for the model."""
    unreachable_s: float = 10.0
    """How long an invocation waits while not one instance of its variant can be reached."""
    sends_max: int = 3
    """Instances an invocation may be sent to while none has taken it; one that was lost on its way
    is sent once more and no oftener, as far as ``retries`` has room."""
    hash_inline_bytes_max: int = 256 * KIB
    """Longer bodies are hashed in a thread."""
    relay_buffer_bytes: int = 256 * KIB
    """Above this much unsent, the other side of a relayed request is not read."""
    upstream_wait_s: float = 15.0
    """How long a relayed request waits for control or S3 to come back: a start takes seconds on a
    busy machine, and the SDKs' own repeats are over in less."""
    health_wait_s: float = 2.0
    """How long the health route waits for control's answer."""
    upstream_waiting_max: int = 256
    """Requests that do; others are told at once."""
    upstream_still_s: float = 120.0
    """How long control or S3 may neither take nor give a byte while a request waits for it: twice
    what clients wait by default."""
    tunnels_max: int = 256
    """Connections passed on to hosts that are not AWS's."""
    tunnel_connect_s: float = 10.0
    tunnel_idle_s: float = 900.0
    """How long nothing may move in a tunnel."""
    drain_s: float = endings.SERVED_S
    """How long a stopping gateway finishes what it has begun."""
    drain_idle_s: float = 1.0
    """How long a kept connection may be silent while the gateway stops."""
    tunnel_drain_idle_s: float = 15.0
    """The same for a tunnel: whether it is kept, or waits for an answer, cannot be seen."""
