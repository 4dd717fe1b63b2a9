"""Extracts to lake: read, check, type, quarantine, record. Plain Polars; no Dagster, no database, no business rule.

`mapping` says what a CRM's files hold, `inbox` finds them, `reading` gets records out of a file, `casting` gives
them types, `lake` keeps what was accepted and the ledger of it, `load` runs one CRM's extracts through all of it.
"""
