"""What a reader can choose, and what of an answer belongs to the choice.

Belongs here: periods, definitions and segments of a release, and cutting a series to the periods shown. Does not belong
here: figures.
"""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from dashboard.release import mart, query

GRAINS = ("week", "month", "quarter", "year")
EVERYBODY = "all"


@dataclass(frozen=True)
class Selection:
    """What the reader has chosen; `periods_shown` is None for all of them."""

    grain: str
    definition: str
    segment_type: str
    segment_value: str
    period_start: dt.date
    periods_shown: int | None = None


def periods(folder: Path, grain: str) -> pd.DataFrame:
    """The periods of a grain as in dim_period, oldest first."""
    return query(
        folder,
        "select period_start::date as period_start, period_end::date as period_end, period_label, is_complete, "
        f"is_final, as_of_date from {mart(folder, 'dim_period')} where period_grain = $grain order by period_start",
        {"grain": grain},
    )


def definitions(folder: Path) -> pd.DataFrame:
    """The activity definitions of the release (name): windows from short to long, then the others."""
    return query(
        folder,
        f"select distinct activity_definition as name from {mart(folder, 'retention_by_period')} "
        "order by try_cast(replace(name, 'window_', '') as integer) nulls last, name",
    )


def segments(folder: Path) -> pd.DataFrame:
    """Every segment_type and segment_value; 'all' comes first."""
    return query(
        folder,
        "select distinct segment_type, segment_value "
        f"from {mart(folder, 'retention_by_period')} where period_grain = 'year' "
        "order by segment_type != 'all', segment_type, segment_value",
    )


def latest(frame: pd.DataFrame, selection: Selection) -> pd.DataFrame:
    """The periods of a series that charts show: the newest `periods_shown` up to the selection's and what came after.

    Periods after the chosen one stay, so that a choice in the past is seen in its surroundings.
    """
    if selection.periods_shown is None:
        return frame
    starts = pd.to_datetime(frame["period_start"])
    before = frame[starts <= pd.Timestamp(selection.period_start)].tail(selection.periods_shown)
    after = frame[starts > pd.Timestamp(selection.period_start)].head(max(selection.periods_shown // 4, 1))
    return pd.concat([before, after])


def at(frame: pd.DataFrame, selection: Selection) -> pd.Series | None:
    """The row of the selection's period, or None when the figure does not reach it."""
    found = frame[pd.to_datetime(frame["period_start"]) == pd.Timestamp(selection.period_start)]
    return found.iloc[0] if len(found) else None
