"""What BI tools are given beside the served tables: ready-made datasets and dashboards, and recipes (`README.md`).

Belongs here: files that another tool imports, made from the contract; pure. Not here: what is served, or its meaning.
"""
