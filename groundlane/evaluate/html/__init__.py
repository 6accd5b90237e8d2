"""The report as one file: no script, no request, plots as inline SVG, every text escaped."""
