"""The database: table base and column types, engine and sessions, migrations, the embedded server."""
