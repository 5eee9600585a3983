"""What is expected of every table, as Great Expectations suites in plain Python: one module a stage, one suite a table.

Belongs here: rules, thresholds (each with why and since when), severities, and the words a data steward reads. Does
not belong here: how suites are run or what follows from a failure (`dagster_project/quality`,
`dagster_project/defs`), metric logic (`dbt/`).

Importing this package imports nothing else: the stage modules need Great Expectations, which takes seconds to import,
so `dagster_project.quality` imports them only when a gate runs.
"""
