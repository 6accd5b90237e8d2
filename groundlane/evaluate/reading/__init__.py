"""From a file to rows: ``files`` knows formats, ``columns`` which column is which, ``values`` what a cell says."""
