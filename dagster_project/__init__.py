"""The customer-retention warehouse: loading, transforming, validating and publishing.

Belongs here: one package a step of a row's way (`loading`, `transforming`, `quality`, `publishing`), one for each thing
that people do besides (`quarantine`: refused rows; `erasing`: a person; `alerting`: who is told), the settings they
share, and `defs`, which wires them into Dagster. Does not belong here: SQL models (`dbt/`), expectations
(`expectations/`).
"""
