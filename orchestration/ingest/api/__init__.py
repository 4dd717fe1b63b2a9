"""Extracts taken from the API of a CRM, into the inbox. A night never calls this room: it reads what lies there.

What is asked of each CRM is stated in a module of its own; connecting, writing and cursors are common to all. The
library dlt, an optional extra, is imported only when something is fetched.
"""
