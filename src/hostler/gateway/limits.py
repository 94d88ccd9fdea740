"""Every limit of the gateway, in one record; units are in the names.

Those that `[gateway]` of `hostler.toml` sets are taken from there by ``of``; the others follow from
the design.

Invariant: nothing that a client or a model can make grow is without a limit here.
"""

from dataclasses import dataclass, replace

from hostler.domain import endings
from hostler.domain.gateway_settings import Gateway

KIB = 1024
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Safe by default. ``body_bytes_max`` is the real-time limit of AWS's guide, 25 MB."""

    connections_max: int = 16_384
    refused_connections_max: int = 1024
    """Above ``connections_max``, so many are told 503; what comes beyond is closed without a word,
    as each answer keeps a descriptor until it has arrived."""
    pipelined_max: int = 64
    """Requests of one connection that wait for the answers before theirs: one read may bring
    thousands of short ones."""
    handshakes_max: int = 4096
    """TLS handshakes under way, beyond which no CONNECT is answered with TLS."""
    tls_shutdown_s: float = 600.0
    """How long what was written before the end of a connection with TLS may take to arrive."""
    in_flight_max: int = 8192
    """Invocations and relayed requests that have begun. Beyond, no further one is relayed, and an
    invocation does not wait: it is served only where an instance has room at once."""
    account_in_flight_max: int = 0
    """Invocations of one account that have begun, over all gateways; 0 for no limit."""
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
    bodies_wait_s: float = 30.0
    """How long a body of either kind waits for room; then its request is refused."""
    body_held_s: float = 60.0
    """How long a body that has room may take to come while others wait for it."""
    body_rate_min: int = 1024
    """Bytes a second, over ``body_rate_window_s``, while a body is awaited."""
    body_rate_window_s: float = 10.0
    answer_rate_min: int = 1024
    """Bytes a second, over ``answer_rate_window_s``, while a client has answers to take. The window
    is long: who works through a download piece by piece takes nothing for a while."""
    answer_rate_window_s: float = 60.0
    untaken_bytes_max: int = 512 * MIB
    """What all clients that do not keep up have not taken of their answers."""
    idle_s: float = 75.0
    """Between requests on a kept connection."""
    linger_s: float = 5.0
    """How long the rest of a refused request is read and dropped, so that its answer arrives."""
    invocation_s: float = endings.INVOCATION_S
    """SageMaker's limit on a real-time answer, from the end of the request."""
    queue_max: int = 1024
    """Invocations that wait for one variant's instances."""
    queue_bytes_max: int = 768 * MIB
    """The bodies of those."""
    queue_wait_s: float = 30.0
    """An invocation that would probably wait longer than this is refused at once, as is one that
    would wait beyond its deadline. Half of that, so that there is time left for the model."""
    shadow_copies_max: int = 256
    """Copies of one endpoint's requests that wait for its shadow, or are under way there."""
    shadow_bytes_max: int = 32 * MIB
    """The bodies of those, and of the answers they will be compared with."""
    shadows_bytes_max: int = 256 * MIB
    """The same of all endpoints together."""
    shadow_body_bytes_max: int = 1 * MIB
    """A longer body is not copied; nor is what had an answer too long to be held."""
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


DESCRIPTORS_SHARE = 0.75
"""How much of the file descriptors that the system grants clients may take; the others are for
instances, control, S3 and files."""


def of(settings: Gateway) -> Limits:
    """The limits that the settings ask for."""
    return Limits(
        connections_max=settings.connections,
        in_flight_max=settings.in_flight,
        account_in_flight_max=settings.account_in_flight,
        queue_max=settings.waiting_per_variant,
        queue_bytes_max=settings.waiting_megabytes_per_variant * MIB,
        header_bytes_max=settings.header_kilobytes * KIB,
        headers_max=settings.headers,
        header_deadline_s=settings.header_deadline_s,
        body_bytes_max=settings.body_megabytes * MIB,
        bodies_bytes_max=settings.bodies_megabytes * MIB,
        body_rate_min=settings.body_bytes_per_s,
        answer_rate_min=settings.answer_bytes_per_s,
        untaken_bytes_max=settings.untaken_megabytes * MIB,
        idle_s=settings.idle_s,
        tunnels_max=settings.tunnels,
    )


def within(limits: Limits, descriptors: int) -> Limits:
    """The limits as so many file descriptors allow: a connection is one."""
    share = max(1, int(descriptors * DESCRIPTORS_SHARE))
    refused = min(limits.refused_connections_max, share // 8)
    return replace(
        limits,
        connections_max=min(limits.connections_max, share - refused),
        refused_connections_max=refused,
    )
