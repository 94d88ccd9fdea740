"""Where a measurement was made."""

import os
import platform
from pathlib import Path
from typing import Any


def machine() -> dict[str, Any]:
    """What it computes with, and how busy it was before."""
    models = [
        text.partition(": ")[2].strip()
        for text in Path("/proc/cpuinfo").read_text().splitlines()
        if text.startswith("model name")
    ]
    return {
        "cpus": os.cpu_count(),
        "load_average_before": os.getloadavg()[0],
        "cpu": models[0] if models else platform.machine(),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }
