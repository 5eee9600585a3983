"""Alerts: what is said to people who do not watch, and how it gets to them. Knows nothing of Dagster.

An alert never holds a value of a row and never a secret, and nothing fails because it could not be sent.
"""
