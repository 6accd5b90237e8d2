"""Ray: thin shells around plain classes, handles between them, the front proxy.

The only room that imports Ray besides `serving.batch`.
"""
