"""Faults against a real Hostler, each with what must hold: ``python -m chaos``.

It starts Hostler and deploys with what the tests use for that (``tests/running.py`` and
``tests/deploying.py``); ``tests/integration/test_faults.py`` runs the same faults in short form.
"""

import sys
from pathlib import Path

_TESTS = str(Path(__file__).parents[1] / "tests")
if _TESTS not in sys.path:
    sys.path.append(_TESTS)
