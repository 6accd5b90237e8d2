"""The reviewer's pages at ``/review``: rendered on the server, readable and usable without JavaScript.

They read and write through the services of the rooms below, never over HTTP. May import `serving.reviews`,
`serving.evals`, `serving.traces` and what lies below.
"""
