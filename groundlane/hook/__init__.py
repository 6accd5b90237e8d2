"""``groundlane hook`` and ``groundlane check-diff``: an agent's edit, or a diff, against the repository's own files.

Standard library only: a hook runs after every edit, and importing httpx alone takes as long as everything here.
"""
