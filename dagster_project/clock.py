"""The time of day as the platform keeps it.

Belongs here: asking the clock. Does not belong here: time zones of extracts (`loading.time_zones`), and models, which
never ask a clock.
"""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Now: UTC, without a zone, as stored."""
    return datetime.now(UTC).replace(tzinfo=None)
