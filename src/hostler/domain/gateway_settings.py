"""``[gateway]``: the limits of the HTTP server.

Invariant: pure data with defaults, as all of ``domain.config``; apart from it, so that a gateway
that is started again loads nothing else of it.
"""

from dataclasses import dataclass

from hostler.domain.setting import setting


@dataclass(frozen=True, slots=True)
class Gateway:
    """What clients may take of a gateway process: each of `server.gateways` has these for itself.

    What becomes of what is beyond them: [robustness](../explanation/robustness.md).
    """

    connections: int = setting(
        16_384,
        "connections served at once; further ones are told 503 and closed. A system that grants "
        "fewer file descriptors lowers it",
        low=1,
        high=1_000_000,
        restart=True,
    )
    in_flight: int = setting(
        8192,
        "requests begun and not answered, of all endpoints and other operations together: beyond, "
        "those that find no free instance are refused with Retry-After",
        low=1,
        high=1_000_000,
        restart=True,
    )
    account_in_flight: int = setting(
        0,
        "invocations begun and not answered of one account, over all gateways together; further "
        "ones are told ThrottlingException with Retry-After. 0: no limit",
        low=0,
        high=1_000_000,
        restart=True,
    )
    waiting_per_variant: int = setting(
        1024,
        "invocations in line for one variant's instances; further ones are told "
        "ServiceUnavailable with Retry-After",
        low=0,
        high=1_000_000,
        restart=True,
    )
    waiting_megabytes_per_variant: int = setting(
        768, "the bodies of those", low=1, high=65_536, restart=True
    )
    header_kilobytes: int = setting(
        32, "a request's head; longer ones are told 431 (414: the target)", low=8, high=1024,
        restart=True,
    )  # fmt: skip
    headers: int = setting(
        100, "fields of a request's head; more are told 431", low=16, high=10_000, restart=True
    )
    header_deadline_s: int = setting(
        10,
        "seconds from a request's first byte to the end of its head; later is told 408",
        low=1,
        high=3600,
        restart=True,
    )
    body_megabytes: int = setting(
        25,
        "an invocation's body (AWS: 25); longer ones are told ValidationError before they are read",
        low=1,
        high=60,
        restart=True,
    )
    bodies_megabytes: int = setting(
        512,
        "bodies above 256 KB that are held at once; those that find no room wait unread",
        low=1,
        high=1_048_576,
        restart=True,
    )
    body_bytes_per_s: int = setting(
        1024,
        "how fast a body must come, judged every 10 s; slower is told 408",
        low=1,
        high=1_000_000_000,
        restart=True,
    )
    answer_bytes_per_s: int = setting(
        1024,
        "how fast a client must take its answers, judged every 60 s; slower is cut off",
        low=1,
        high=1_000_000_000,
        restart=True,
    )
    untaken_megabytes: int = setting(
        512,
        "what slow clients together may have not taken of their answers; beyond, whoever holds the "
        "most is cut off",
        low=1,
        high=1_048_576,
        restart=True,
    )
    idle_s: int = setting(
        75, "seconds between requests on a kept connection; then it is closed", low=1, high=86_400,
        restart=True,
    )  # fmt: skip
    tunnels: int = setting(
        256, "tunnels to hosts that are not AWS's; further ones are told 503", low=0, high=100_000,
        restart=True,
    )  # fmt: skip
