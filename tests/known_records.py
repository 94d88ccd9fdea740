"""What a journal holds, as the records it would write."""

import json
from typing import Any

from hostler.audit import record
from hostler.audit.journal import Journal


def written(journal: Journal) -> list[dict[str, Any]]:
    """The records since the last time."""
    return [json.loads(record.written(entry)) for entry in journal.take()]
