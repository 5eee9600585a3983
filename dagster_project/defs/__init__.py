"""Dagster's view of the platform: assets, checks, jobs, schedule, sensor. The work itself is done elsewhere."""
