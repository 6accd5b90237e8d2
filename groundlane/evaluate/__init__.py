"""``groundlane evaluate``: the hallucination rate of a file of answers, with a report for people.

``reading`` turns files into rows, ``scoring`` scores them, ``summary`` counts, ``html`` shows. Needs the standard library and
the client; pyarrow for Parquet and dataset folders; the server's packages only where answers are scored in this process.
"""
