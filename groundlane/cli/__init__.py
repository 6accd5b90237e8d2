"""The command's entry point, and the commands that need a running server but none of its packages."""
