"""The command line: one file a command group.

The top of `serving`; heavy imports stay inside the commands.
"""
