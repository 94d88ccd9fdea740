"""What was called, by whom, and what decided: records as CloudTrail writes them, into spools."""
