"""Durable state of the server: sessions, the source vault, chunks and jobs, on SQLite or PostgreSQL."""
