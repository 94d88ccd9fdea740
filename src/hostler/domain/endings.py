"""How long whatever is asked to end may take, and how these times hang together.

Two kinds: what a process gives itself to finish what it has begun, and after how long whoever asked
it kills it.

Invariant: who waits for another's end waits ``MARGIN_S`` longer than that other gives itself, so
that only what hangs is killed.
"""

INVOCATION_S = 60.0
"""SageMaker's limit on a real-time answer: whoever has taken an invocation may need as long."""
MARGIN_S = 5.0

SERVED_S = INVOCATION_S + MARGIN_S
"""A gateway, and an instance that gateways may still have sent to."""
UNSERVED_S = 5.0
"""An instance that no gateway ever sent to."""
INSTANCE_S = 30.0
"""An instance that is asked by SIGTERM alone: gateways have ended before."""
CONTROL_S = 5.0
S3_S = 20.0
"""An upload that has arrived is put in its place first."""

GATEWAY_KILL_S = SERVED_S + MARGIN_S
INSTANCE_KILL_S = INSTANCE_S + MARGIN_S
CONTROL_KILL_S = CONTROL_S + MARGIN_S
S3_KILL_S = S3_S + MARGIN_S
OTHER_KILL_S = 10.0
"""Zygotes, init scripts and whatever else is our child: nothing of theirs is to be finished."""

EVERYTHING_KILL_S = GATEWAY_KILL_S + CONTROL_KILL_S + S3_KILL_S + INSTANCE_KILL_S + 4 * OTHER_KILL_S
"""One after the other: the supervisor's own end."""
