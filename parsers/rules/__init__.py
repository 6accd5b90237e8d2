"""What a reference of the response may be called: the verdict, the reasons to stay silent, the suggestion.

The top of the package; may import every other room. `phantoms.resolve` is the door.
"""
