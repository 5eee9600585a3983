"""What several marts share: that they did not collapse, rates that agree with their counts.

Belongs here: builders of expectations for tables of schema `marts`. Does not belong here: the suite of any one mart.
"""

from collections.abc import Sequence

from great_expectations.expectations.expectation import Expectation

from expectations.rules import finds_nothing, holds, one_of

# Since 2026-11. Rates are stored as doubles; what differs less is the order in which a sum was taken, not a figure. Of
# rates above 1 it is a share: revenue may grow a million times.
RATE_ALLOWANCE = "1e-9"
MONEY_ALLOWANCE = "0.01"

# Since 2026-11. Marts grow with time and hardly ever shrink; a tenth less leaves room for merged customers and late
# cancellations. More means that data the last release was made of are missing.
SMALLEST_SHARE_OF_LAST_RELEASE = 0.9

# Wider than the columns, as the macro `exact_product` is: a thousand pieces at millions of rials have more places than
# an engine gives a product.
LINE_VALUE = "cast(quantity as decimal(28, 4)) * unit_price"

# Which grains there have to be: a table that lacks one altogether has no row that could be wrong.
GRAINS = "select distinct period_grain from intermediate.int_calendar_days"

RATE_STATUSES = ("ok", "small_base", "no_base")


def not_much_smaller(table: str) -> Expectation:
    """The mart did not collapse since the last release."""
    mart = table.removeprefix("marts.")
    return finds_nothing(
        "not_much_smaller_than_released",
        f"The mart holds at least {SMALLEST_SHARE_OF_LAST_RELEASE:.0%} of the rows of the last release. If it "
        "holds fewer, look for extracts that are missing before you trust it.",
        query=f"""
            select row_count as rows_released, (select count(*) from {table}) as rows_now
            from facts.released_marts
            where mart = '{mart}' and (select count(*) from {table}) < {SMALLEST_SHARE_OF_LAST_RELEASE} * row_count
        """,
        severity="warning",
    )


def final_after_complete() -> Expectation:
    return holds(
        "final_only_when_complete",
        "A period is final only after it is complete.",
        broken_when="is_complete is null or is_final is null or (is_final and not is_complete)",
        columns=["is_complete", "is_final"],
    )


def figures_there(columns: Sequence[str]) -> Expectation:
    """What every row of a mart has: a comparison with nothing is neither true nor false, so no other rule finds it."""
    return holds(
        "figures_there",
        "Every row has its counts, amounts and statuses; 0 is a figure, nothing is none.",
        broken_when=" or ".join(f"{column} is null" for column in columns),
        columns=columns,
    )


def differs(rate: str, formula: str, denominator: str) -> str:
    """SQL: the stored rate is missing or not what the formula gives; where the denominator is 0 another rule speaks."""
    return (
        f"({denominator} <> 0 and ({rate} is null "
        f"or abs({rate} - ({formula})) > {RATE_ALLOWANCE} * greatest(1, abs({rate}))))"
    )


def outside_interval(rate: str) -> str:
    """SQL: the rate leaves its own confidence interval, or has none."""
    return (
        f"{rate} < {rate}_lower - {RATE_ALLOWANCE} or {rate} > {rate}_upper + {RATE_ALLOWANCE} "
        f"or ({rate} is null) <> ({rate}_lower is null) or ({rate} is null) <> ({rate}_upper is null) "
        f"or {rate}_lower < 0 or {rate}_upper > 1"
    )


def segments_add_up(table: str, group: Sequence[str], measures: Sequence[str]) -> Expectation:
    """Every count and amount of a segment type's values adds up to 'all'; one query checks all measures."""
    keys = ", ".join(group)
    sums = ", ".join(f"sum({measure}) as {measure}" for measure in measures)
    of_all = ", ".join(measures)
    # Counts agree exactly; amounts may differ by rounding. A type without a row adds up to 0, which is not 'all'.
    unequal = " or ".join(
        f"abs(coalesce(by_type.{measure}, 0) - coalesce(whole.{measure}, 0)) > {MONEY_ALLOWANCE}"
        for measure in measures
    )
    return finds_nothing(
        "segments_add_up",
        "The values of each segment type add up to 'all', in every count and amount.",
        query=f"""
            with by_type as (
                select {keys}, segment_type, {sums} from {table}
                where segment_type <> 'all' group by {keys}, segment_type
            ),
            whole as (
                select {keys}, types.segment_type, {of_all}
                from {table}
                cross join (
                    select distinct segment_type from intermediate.int_segment_profiles where segment_type <> 'all'
                ) as types
                where {table}.segment_type = 'all'
            )
            select {keys}, segment_type, by_type.{measures[0]} as of_segments, whole.{measures[0]} as of_all
            from whole
            full join by_type using ({keys}, segment_type)
            where whole.{measures[0]} is null or {unequal}
        """,
    )


def known_rate_status(column: str = "rate_status") -> Expectation:
    """The status beside every rate is one that dashboards know."""
    return one_of(
        column,
        "A rate's status is ok, small_base (too few to rely on) or no_base (nothing to divide by).",
        RATE_STATUSES,
    )


def hides_base(rate: str, status: str, denominator: str) -> str:
    """SQL: without a base there is a rate, or the status does not say so; or the other way round."""
    return f"({denominator} = 0) <> ({status} = 'no_base') or ({denominator} = 0) <> ({rate} is null)"
