"""Releases: what BI tools read. Knows nothing of Dagster."""
