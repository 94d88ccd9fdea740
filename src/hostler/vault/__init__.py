"""What keeps secrets unreadable where they lie: see ``sealing``."""
