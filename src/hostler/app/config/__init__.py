"""`hostler.toml`, the `HOSTLER_*` environment and flags, read into `domain.config`'s records.

Standard library only: the supervisor reads them too.
"""
