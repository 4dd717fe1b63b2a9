"""Extracts to lake: read, check, type, quarantine, record. Plain Polars; no Dagster, no database, no business rule.

`mapping` says what a CRM's files hold and `inbox` finds them. `reading` (with `encodings`, `delimited`) gets records
out of a file, `casting` gives them types, `duplicates` looks across files, `admission` decides what is credible,
`quarantine` lists what is refused, `personal` knows what must not be kept. `lake` keeps what was accepted and its
ledger, `observations` what changed between extracts. `taking` runs one extract through all of it, `load` all that wait.
"""
