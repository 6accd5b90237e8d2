"""Serving: the only package that knows Ray, HTTP, disk, time and identity."""
