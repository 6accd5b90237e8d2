"""Groundlane inside other people's frameworks: one small module each, which needs that framework and nothing else of ours.

Import the module you want, such as :mod:`groundlane.integrations.openai_agents`; this package loads none of them.
"""
