"""``python -m groundlane``: the command, without its script."""

from groundlane.cli.main import main

main()
