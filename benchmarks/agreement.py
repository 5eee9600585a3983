"""Whether a release says what the bare baseline finds.

Belongs here: which rows of a mart the baseline computes too, and comparing them. Does not belong here: computing
either.
"""

from pathlib import Path

import duckdb

TOLERANCE = 1e-6
ALL_SEGMENTS = "segment_type = 'all'"
# Mart -> its key, and the rows of the release that the baseline computes too.
COMPARISONS = {
    "retention_by_period": (("period_grain", "period_start", "activity_definition"), ALL_SEGMENTS),
    "churn_by_period": (("period_grain", "period_start", "activity_definition"), ALL_SEGMENTS),
    "retention_by_cohort": (("cohort_grain", "cohort_start", "period_index"), ALL_SEGMENTS),
    "order_value_by_period": (("period_grain", "period_start"), ALL_SEGMENTS),
    "csat_by_period": (
        ("period_grain", "period_start", "metric"),
        f"{ALL_SEGMENTS} and survey_id = 'all' and touchpoint = 'all'",
    ),
    # Customers who never bought have a row in the mart and no history to compare.
    "customer_lifetime_value": (("customer_id",), "clv_method = 'historic' and purchase_count > 0"),
}
EXAMPLES = 5


def differences(release: Path, baseline: Path, mart: str) -> list[str]:
    """What differs between a mart of the release (a folder) and of the baseline (its folder); empty when they agree.

    Counts must be equal, amounts and rates to six decimals. One line a difference, a few for each column.
    """
    key, condition = COMPARISONS[mart]
    with duckdb.connect() as connection:
        for name, folder in (("ours", release), ("theirs", baseline)):
            connection.execute(f"create view all_{name} as from read_parquet('{_escaped(folder / mart)}.parquet')")
        types = {name: kind for name, kind, *_ in connection.execute("describe all_theirs").fetchall()}
        # Both keys as text: the baseline has enumerations where the release has words.
        texts = ", ".join(f"{name}::varchar as key_{name}" for name in key)
        connection.execute(f"create table ours as select *, {texts} from all_ours where {condition}")
        connection.execute(f"create table theirs as select *, {texts} from all_theirs")
        keys = ", ".join(f"key_{name}" for name in key)
        joined = f"from ours full join theirs using ({keys})"
        label = f"concat_ws(' ', {keys})"
        found = connection.execute(
            f"select {label} || ': in one of the two only' {joined} "
            f"where ours.{key[0]} is null or theirs.{key[0]} is null limit {EXAMPLES}"
        ).fetchall()
        for column, kind in types.items():
            if column in key:
                continue
            is_number = kind not in ("DATE", "BOOLEAN", "VARCHAR")
            both = f"ours.{column}", f"theirs.{column}"
            equal = (
                f"abs({both[0]}::double - {both[1]}::double) <= {TOLERANCE}" if is_number else f"{both[0]} = {both[1]}"
            )
            found += connection.execute(
                f"select format('{{}} {column}: {{}} and {{}}', {label}, {both[0]}::varchar, {both[1]}::varchar) "
                f"{joined} where ours.{key[0]} is not null and theirs.{key[0]} is not null "
                f"and not coalesce({equal}, {both[0]} is null and {both[1]} is null) limit {EXAMPLES}"
            ).fetchall()
    return [line for (line,) in found]


def _escaped(path: Path) -> str:
    return str(path).replace("'", "''")
