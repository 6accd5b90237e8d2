"""Many turns as one scoreboard, in well under a millisecond.

May import `scoring.session`.
"""
