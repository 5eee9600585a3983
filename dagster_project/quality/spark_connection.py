"""Spark as the gates see it: the part of DuckDB's connection that they use.

Belongs here: asking for rows of a query. Does not belong here: the session itself (`transforming.spark`).
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


class SparkConnection:
    """Runs SQL in a Spark session; the answer to the last query is fetched from it."""

    def __init__(self, session: "SparkSession") -> None:
        self.session = session
        self._answer: DataFrame | None = None

    def execute(self, query: str) -> "SparkConnection":
        """Run a statement; rows are computed when they are fetched."""
        self._answer = self.session.sql(query)
        return self

    @property
    def description(self) -> list[tuple[str]]:
        """The columns of the answer."""
        return [(name,) for name in self._answer.columns]

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows of the answer."""
        return [tuple(row) for row in self._answer.collect()]

    def fetchone(self) -> tuple[Any, ...] | None:
        """The first row of the answer, None if there is none."""
        rows = self._answer.take(1)
        return tuple(rows[0]) if rows else None
