"""CloudWatch's logs and metrics, each a database file of its own, and what is computed of metrics.

SQLAlchemy lives here and in the store.
"""
