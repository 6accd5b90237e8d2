"""Make the built-in symbol data. Needed by developers only: nothing imports this at run time."""
