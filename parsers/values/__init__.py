"""Values read out of text: literals, dates, numbers, quantities, units, tables, records.

Text in, typed values out; nothing here knows code. Imports nothing of ours.
"""
