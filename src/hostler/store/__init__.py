"""The database: synchronous transactions, one module a table family. SQLAlchemy lives here."""
