"""Thin Ray Serve shells around the plain classes."""
