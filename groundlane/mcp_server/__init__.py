"""``groundlane mcp``: a Model Context Protocol server in front of a running Groundlane server. Needs ``groundlane[mcp]``."""
