"""The contract of an extract: which feeds exist, their columns and what a value must be.

Belongs here: reading `feeds.yml`, the table of currencies and the table of survey scales into plain objects. Does not
belong here: how a user's file maps to a feed (`mapping`), the checks themselves (`checks`).
"""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from dagster_project.settings import DBT_PROJECT_DIR

FEEDS_PATH = Path(__file__).with_name("feeds.yml")

SQL_TYPES = {
    "text": "VARCHAR",
    "timestamp": "TIMESTAMP",
    "date": "DATE",
    "integer": "BIGINT",
    "money": "DECIMAL(18,4)",
    # What lakes of before hold (18,8) is read as this: a type with fewer digits before the point would not be.
    "rate": "DECIMAL(25,15)",
    "boolean": "BOOLEAN",
}


@dataclass(frozen=True)
class Column:
    """One column of a feed. `sql_type` is its type in the lake; `minimum` is in the column's own unit."""

    name: str
    type: str
    sql_type: str
    key: bool = False
    required: bool = False
    personal: bool = False
    event: bool = False
    minimum: float | None = None
    positive: bool = False
    values: tuple[str, ...] = ()

    @property
    def is_id(self) -> bool:
        """Whether it says which thing a row is about, or belongs to."""
        return self.name.endswith("_id")


@dataclass(frozen=True)
class Feed:
    """One feed: `key` names the columns that together identify a row's thing, `columns` keeps the contract's order."""

    name: str
    description: str
    key: tuple[str, ...]
    columns: dict[str, Column]


@dataclass(frozen=True)
class SurveyScale:
    """A scale that answers are given on: the metric it belongs to, every spelling of its name, its ends."""

    scale_id: str
    aliases: tuple[str, ...]
    metric: str
    minimum_score: float
    maximum_score: float


@cache
def load_feeds() -> dict[str, Feed]:
    """Every feed of the contract by name, in the file's order. A key column is always required."""
    document = yaml.safe_load(FEEDS_PATH.read_text(encoding="utf-8"))
    return {name: _feed(name, entry) for name, entry in document.items()}


@cache
def personal_columns() -> frozenset[str]:
    """The columns of any feed that hold personal data."""
    return frozenset(
        column.name for feed in load_feeds().values() for column in feed.columns.values() if column.personal
    )


def _feed(name: str, entry: dict) -> Feed:
    columns = {}
    for column_name, facts in entry["columns"].items():
        is_key = facts.get("key", False)
        columns[column_name] = Column(
            name=column_name,
            type=facts["type"],
            sql_type=SQL_TYPES[facts["type"]],
            key=is_key,
            required=is_key or facts.get("required", False),
            personal=facts.get("personal", False),
            event=facts.get("event", False),
            minimum=facts.get("minimum"),
            positive=facts.get("positive", False),
            values=tuple(facts.get("values", ())),
        )
    key = tuple(column.name for column in columns.values() if column.key)
    return Feed(name=name, description=entry["description"], key=key, columns=columns)


@cache
def load_currencies() -> frozenset[str]:
    """The ISO 4217 codes that an amount may be in; the same seed that dbt reads."""
    with (DBT_PROJECT_DIR / "seeds" / "currencies.csv").open(encoding="utf-8", newline="") as file:
        return frozenset(row["currency"] for row in csv.DictReader(file))


@cache
def load_survey_scales() -> tuple[SurveyScale, ...]:
    """Every known survey scale; the same seed that dbt reads."""
    with (DBT_PROJECT_DIR / "seeds" / "survey_scales.csv").open(encoding="utf-8", newline="") as file:
        return tuple(
            SurveyScale(
                scale_id=row["scale_id"],
                aliases=tuple(alias for alias in row["aliases"].split("|") if alias),
                metric=row["metric"],
                minimum_score=float(row["minimum_score"]),
                maximum_score=float(row["maximum_score"]),
            )
            for row in csv.DictReader(file)
        )
