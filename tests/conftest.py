"""For all tests: hypothesis measures no time, a shared machine would make a failure of it."""

from hypothesis import settings

settings.register_profile("groundlane", deadline=None)
settings.load_profile("groundlane")
