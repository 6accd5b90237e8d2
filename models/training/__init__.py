"""Training of the verifier. Importing this package does not load torch."""
