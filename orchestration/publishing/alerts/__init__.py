"""Alerts: one digest a night for each audience, sent through Apprise.

`news` is what a night has to tell, `digest` chooses and words what one audience is told of it, `sending` delivers it,
`record` remembers what became of it. None of them knows Dagster, the standards' files or the database.
"""
