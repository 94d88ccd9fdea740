"""CloudWatch Logs' store: a database file of its own. SQLAlchemy lives here and in the store."""
