"""Alembic migrations of the store, run by :mod:`serving.store.admin`."""
