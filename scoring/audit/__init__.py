"""Read off logged decisions: summaries, clusters of what to look at, moves between bands. Pure functions on values."""
