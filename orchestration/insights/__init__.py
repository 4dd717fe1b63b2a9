"""What the funnel teaches: why conversion is what it is, from small tables that dbt has counted.

Belongs here: plain Polars and NumPy over those tables, and the sentences that say what was found. Not here: SQL,
Dagster, files, the clock, and any other room.
"""
