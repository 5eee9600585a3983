"""What a person sees while a run goes on: plain lines, without Dagster's own events.

Belongs here: the console logger. Does not belong here: what is logged; the steps do that.
"""

import logging
import sys

import dagster as dg

CONSOLE_CONFIG = {"loggers": {"console": {"config": {}}}}


class StepMessages(logging.Filter):
    """Lets through what a step wrote, not the events of Dagster's engine."""

    def filter(self, record: logging.LogRecord) -> bool:
        """True for a message of a step."""
        is_event = getattr(record, "dagster_meta", {}).get("dagster_event") is not None
        # The engine writes this for every step after a failed one; the outcome at the end names them in one line.
        is_consequence = record.getMessage().endswith("Not executing.")
        return not is_event and not is_consequence


@dg.logger(description="The messages of the steps as plain lines.")
def console(_context: dg.InitLoggerContext) -> logging.Logger:
    """A logger that writes to standard output."""
    logger = logging.getLogger("dagster_project.console")
    logger.setLevel(logging.INFO)
    logger.handlers.clear()
    handler = logging.StreamHandler(sys.stdout)
    handler.addFilter(StepMessages())
    handler.setFormatter(PlainFormatter())
    logger.addHandler(handler)
    logger.propagate = False
    return logger


class PlainFormatter(logging.Formatter):
    """Time of day and message; warnings say so."""

    def format(self, record: logging.LogRecord) -> str:
        """One line for a record."""
        message = getattr(record, "dagster_meta", {}).get("orig_message", record.getMessage())
        prefix = "" if record.levelno < logging.WARNING else f"{record.levelname}: "
        return f"{self.formatTime(record, '%H:%M:%S')}  {prefix}{message}"
