"""What the living gateways have in hand, as their files tell it.

Invariant: reads only; a file of another version, or of a process that is gone, tells nothing.
"""

import contextlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from hostler.domain.gauges import NAME, VERSION, GatewayGauges
from hostler.modelserver import own_spool


def read(spools: Path) -> Sequence[GatewayGauges]:
    """Those of every gateway process that lives (blocking)."""
    found = []
    for folder in sorted(spools.glob("gateway-*")):
        with contextlib.suppress(OSError, msgspec.DecodeError):
            gauges = msgspec.json.decode((folder / NAME).read_bytes(), type=GatewayGauges)
            with own_spool.left(str(folder)) as ended:
                if gauges.v == VERSION and not ended:
                    found.append(gauges)
    return found
