"""Whether a release says what the bare baseline finds.

Belongs here: which marts the baseline computes too, and comparing them row by row. Does not belong here: computing
either.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

TOLERANCE = 1e-6
# A product of rates, which are doubles, rounded to four places: in the order of its factors it may fall to either side.
ROUNDED_PRODUCTS = {"clv_amount": 1.01e-4}
SEGMENT = ("segment_type", "segment_value")
# Mart -> its key.
KEYS = {
    "retention_by_period": ("period_grain", "period_start", "activity_definition", *SEGMENT),
    "churn_by_period": ("period_grain", "period_start", "activity_definition", *SEGMENT),
    "retention_by_cohort": ("cohort_grain", "cohort_start", "period_index", *SEGMENT),
    "order_value_by_period": ("period_grain", "period_start", *SEGMENT),
    "csat_by_period": ("period_grain", "period_start", "metric", "survey_id", "touchpoint", *SEGMENT),
    "customer_lifetime_value": ("customer_id", "clv_method"),
}
EXAMPLES = 5


def differences(release: Path, baseline: Path, mart: str, memory_limit: str = "2GB") -> list[str]:
    """What differs between a mart of the release (a folder) and of the baseline (its folder); empty when they agree.

    Every column of the release and every row of both is compared: counts must be equal, amounts and rates to six
    decimals, but for ROUNDED_PRODUCTS. One line a difference: columns that one of the two lacks, or else a few rows for
    each column.
    """
    with (
        TemporaryDirectory() as spill,
        duckdb.connect(config={"memory_limit": memory_limit, "temp_directory": spill}) as connection,
    ):
        columns = {}
        for name, folder in (("ours", release), ("theirs", baseline)):
            connection.execute(f"create view {name} as from read_parquet('{_escaped(folder / mart)}.parquet')")
            columns[name] = {column: kind for column, kind, *_ in connection.execute(f"describe {name}").fetchall()}
        lacking = [f"column {column}: in one of the two only" for column in columns["ours"].keys() ^ columns["theirs"]]
        return sorted(lacking) or _different_rows(connection, KEYS[mart], columns["ours"])


def _different_rows(connection: duckdb.DuckDBPyConnection, key: tuple[str, ...], types: dict[str, str]) -> list[str]:
    """The lines for the rows of `ours` and `theirs`. One join for all columns: there are marts of millions of rows."""
    # Keys as text: the baseline has enumerations where the release has words.
    same_row = " and ".join(f"ours.{column}::varchar = theirs.{column}::varchar" for column in key)
    label = "concat_ws(' ', " + ", ".join(f"coalesce(ours.{one}::varchar, theirs.{one}::varchar)" for one in key) + ")"
    in_both = f"ours.{key[0]} is not null and theirs.{key[0]} is not null"
    lines = [f"case when not ({in_both}) then {label} || ': in one of the two only' end"]
    for column, kind in types.items():
        if column not in key:
            both = f"ours.{column}", f"theirs.{column}"
            tolerance = ROUNDED_PRODUCTS.get(column, TOLERANCE)
            values = " || ' and ' || ".join(f"coalesce({one}::varchar, 'NULL')" for one in both)
            line = f"{label} || ' {column}: ' || {values}"
            lines.append(f"case when {in_both} and not ({_are_equal(*both, kind, tolerance)}) then {line} end")
    examples = ", ".join(f"min({line}, {EXAMPLES})" for line in lines)
    (found,) = connection.execute(f"select {examples} from ours full join theirs on {same_row}").fetchall()
    # Rows of one key that are there twice have a partner, too.
    rows = [connection.table(name).shape[0] for name in ("ours", "theirs")]
    counts = [] if rows[0] == rows[1] else [f"{rows[0]} and {rows[1]} rows"]
    return counts + [line for few in found for line in few or []]


def _are_equal(ours: str, theirs: str, kind: str, tolerance: float) -> str:
    if kind in ("DATE", "BOOLEAN", "VARCHAR"):
        return f"{ours} is not distinct from {theirs}"
    close = f"abs({ours}::double - {theirs}::double) <= {tolerance}"
    return f"coalesce({close}, {ours} is null and {theirs} is null)"


def _escaped(path: Path) -> str:
    return str(path).replace("'", "''")
