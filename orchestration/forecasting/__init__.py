"""Forecasting: from a night's small input tables to what each open deal and each period is expected to bring.

Plain Polars and exact arithmetic for money, NumPy for chances and draws. No Dagster, no files, no database, no clock:
the business date is an input.
Read `forecast.py` first; a method is one file in `methods/` and a line in `registry.py`.
"""
