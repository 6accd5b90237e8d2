"""Offline batches on Ray Data: the same lanes as the server, on every machine of a cluster."""
