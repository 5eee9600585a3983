"""dbt, called from Python. Knows nothing of Dagster."""
