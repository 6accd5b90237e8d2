"""Targets: where answers come from. An endpoint, an application over HTTP, recorded answers, a Python callable."""
