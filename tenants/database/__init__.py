"""Connections, queries and tables, below the units of work in `tenants.db`."""
