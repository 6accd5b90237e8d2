"""The lanes: plain classes that score one request each."""
