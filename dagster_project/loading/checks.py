"""Checking and typing rows: from the rows GATHERED to the contract's columns, with a list of reasons per refused row.

Belongs here: the SQL that maps, types and judges the rows of files with one header for one feed. Does not belong here:
how a text becomes a value (`values`), what a reason says to a steward (`reasons`), files (`batches`).

The query is a stack of projections, one for each step, so that every step is computed once and the next one reads its
result.
"""

import datetime as dt
from dataclasses import dataclass, replace

import duckdb

from dagster_project.loading import values
from dagster_project.loading.contracts import Column, Feed, load_currencies, load_survey_scales
from dagster_project.loading.expressions import FILE_NUMBER_COLUMN, ORDER_ROW_NUMBER_COLUMN, ROW_NUMBER_COLUMN
from dagster_project.loading.formats import Dialect
from dagster_project.loading.mapping import Source
from dagster_project.loading.plain_text import SPREADSHEET_ERRORS
from dagster_project.loading.reasons import CLOSED_BEFORE, explain
from dagster_project.loading.refusals import FileRefusedError
from dagster_project.loading.source_columns import ResolvedColumn
from dagster_project.loading.time_zones import utc_sql
from dagster_project.sql_text import quote_name, quote_text

EARLIEST = dt.date(1900, 1, 1)
# The most that quantity times price may be: a whole less than DECIMAL(18,4) ends at, as it is computed in doubles.
LARGEST_PRODUCT = 10**14 - 1
# The share of a rate that rounding to the decimals kept may change.
RATE_LOSS = "1e-6"
EPOCH = "TIMESTAMP '1970-01-01 00:00:00'"
# What people wrote is kept as they wrote it, white space included.
FREE_TEXT = ("comment",)
# The column `tried_rows_where` is the source's condition, tried; a row on which it fails is quarantined.
IS_OF_FEED = "tried_rows_where IS NULL OR coalesce(tried_rows_where.value, FALSE)"
STATUS_SPELLINGS = {"canceled": "cancelled"}
ISO_DIALECT = Dialect()
# The rows of one or more files with the same columns, each with the numbers of its file and its row.
GATHERED = "gathered"
# Those among them that were refused, while reasons are written for them.
REFUSED_SOURCE = "refused_source"
ROW_PLACE = f"{FILE_NUMBER_COLUMN}, {ROW_NUMBER_COLUMN}"


@dataclass(frozen=True)
class Checked:
    """`sql`: one row a record, with the feed's columns typed, its ROW_PLACE and `is_refused`.

    `refused_sql` is the same over the table REFUSED_SOURCE. `passed_over_sql` counts, by file, the records that the
    source's `rows_where` leaves out; they are in neither. `conditions` are the code of each reason and its SQL. `rows`
    is what was judged: GATHERED, or a query over it that adds a column.
    """

    rows: str
    sql: str
    refused_sql: str
    passed_over_sql: str | None
    conditions: list[tuple[str, str]]


def checked_rows(
    connection: duckdb.DuckDBPyConnection,
    feed: Feed,
    source: Source,
    columns: dict[str, ResolvedColumn],
    now: dt.datetime,
    file_format: str,
    rows: str = GATHERED,
) -> Checked:
    """The query that maps, types and judges `rows` of this connection.

    `now` (UTC) is the time of loading; `file_format` is that of the files. Raises FileRefusedError where an expression
    of the mapping does not fit the files' columns.
    """
    mapped, failures = _mapped_sql(feed, source, columns, rows)
    types = _types_of(connection, mapped, columns)
    own_dialect = source.dialect.of_values(file_format)
    # Whoever wrote a moment without offset, it is local time of the source.
    iso_dialect = replace(ISO_DIALECT, time_zone=own_dialect.time_zone)
    given, texts, digits, parsed, instants, typed = [], [], [], [], [], []
    conditions = [(f"expression_failed:{name}", f"failed_{name}") for name in failures]
    limit = now + dt.timedelta(days=1)
    for column in feed.columns.values():
        name = column.name
        if name not in columns:
            default = quote_text(source.currency) if _takes_currency(feed, source, name) else "NULL"
            typed.append((name, f"CAST({default} AS {column.sql_type})"))
            if column.required:
                conditions.append((f"missing:{name}", "TRUE"))
            continue
        is_text = columns[name].kind == "source" or types[name] == "VARCHAR"
        dialect = own_dialect if is_text and columns[name].kind != "value" else iso_dialect
        given.append((f"given_{name}", _text_sql(feed, source, column)))
        texts.append((f"text_{name}", values.id_sql(f"given_{name}") if column.is_id else f"given_{name}"))
        if column.type != "text":
            digits.append((f"digits_{name}", values.plain_digits_sql(f"text_{name}")))
        if column.type == "timestamp":
            parsed.append((f"local_{name}", values.local_time_sql(f"digits_{name}", dialect.timestamp_formats)))
            instant = values.instant_sql(f"digits_{name}", dialect.timestamp_formats)
            # Most timestamps are local times, so the dearer question is put only to the others.
            instants.append((f"instant_{name}", f"CASE WHEN local_{name} IS NULL THEN {instant} END"))
        if column.type in ("money", "rate", "integer"):
            parsed.append((f"number_{name}", values.number_text_sql(f"digits_{name}", dialect)))
        typed.append((name, _typed_sql(column, dialect)))
        conditions += _column_conditions(column, limit)
    conditions += _row_conditions(feed)
    if feed.name == "survey_responses":
        # In a step of its own, or it would be put together again for every spelling that it is compared with.
        own = dict(typed)
        instants.append(("scale_key", f"{own['metric']} || '|' || lower({own['scale_id']})"))
        typed = _with_known_scale(typed)
    refused = " OR ".join(f"({condition}) IS TRUE" for _, condition in conditions) or "FALSE"
    steps = [given, texts, digits, parsed, instants, typed, [("is_refused", refused)]]
    mapped_again, _ = _mapped_sql(feed, source, columns, REFUSED_SOURCE)
    return Checked(
        rows=rows,
        sql=_stack(mapped, steps),
        refused_sql=_stack(mapped_again, steps),
        passed_over_sql=_passed_over_sql(source, rows),
        conditions=conditions,
    )


def numbered_in_orders(columns: dict[str, ResolvedColumn]) -> str:
    """SQL for the rows GATHERED with ORDER_ROW_NUMBER_COLUMN, a text as every column of a file is.

    NULL where the row names no order: such rows belong together in nothing.
    """
    order = columns["order_id"]
    given = quote_name(order.text) if order.kind == "source" else f"TRY(({order.text}\n))"
    text = values.id_sql(values.trimmed_sql(f"CAST({given} AS VARCHAR)"))
    number = f"row_number() OVER (PARTITION BY {FILE_NUMBER_COLUMN}, {text} ORDER BY {ROW_NUMBER_COLUMN})"
    return (
        f"(SELECT *, CASE WHEN {text} IS NOT NULL THEN CAST({number} AS VARCHAR) END AS {ORDER_ROW_NUMBER_COLUMN} "
        f"FROM {GATHERED})"
    )


def _tried(expression: str) -> str:
    """The value of an expression in a struct; NULL where it fails on the row.

    TRY turns the failure of one row (a cast, say) into NULL instead of ending the file; the struct around the value
    tells a failure from a value that is NULL.
    """
    return f"TRY(struct_pack(value := ({expression}\n)))"


def _passed_over_sql(source: Source, rows: str) -> str | None:
    if source.rows_where is None:
        return None
    tried = f"SELECT {FILE_NUMBER_COLUMN}, {_tried(source.rows_where)} AS tried_rows_where FROM {rows}"
    return (
        f"SELECT {FILE_NUMBER_COLUMN}, count(*) FROM ({tried}) WHERE NOT ({IS_OF_FEED}) GROUP BY {FILE_NUMBER_COLUMN}"
    )


def _stack(base: str, steps: list[list[tuple[str, str]]]) -> str:
    sql = base
    for step in steps:
        if step:
            added = ", ".join(f"{expression} AS {quote_name(name)}" for name, expression in step)
            sql = f"SELECT *, {added} FROM ({sql})"
    return sql


def _mapped_sql(feed: Feed, source: Source, columns: dict[str, ResolvedColumn], table: str) -> tuple[str, list[str]]:
    """The raw value of every mapped contract column as `raw_<name>`, of the records that are about the feed.

    And which columns come from expressions that may fail; `rows_where` is one of them.
    """
    first, second, failures = [], [], []
    where = ""
    if source.rows_where is not None:
        first.append(f"{_tried(source.rows_where)} AS tried_rows_where")
        second.append("tried_rows_where IS NULL AS failed_rows_where")
        failures.append("rows_where")
        where = f" WHERE {IS_OF_FEED}"
    for name in feed.columns:
        column = columns.get(name)
        if column is None:
            continue
        if column.kind == "source":
            first.append(f"{quote_name(column.text)} AS raw_{name}")
        elif column.kind == "value":
            first.append(f"{quote_text(column.text)} AS raw_{name}")
        else:
            first.append(f"{_tried(column.text)} AS tried_{name}")
            second += [f"tried_{name}.value AS raw_{name}", f"tried_{name} IS NULL AS failed_{name}"]
            failures.append(name)
    inner = f"SELECT {', '.join([ROW_PLACE, *first])} FROM {table}"
    return (f"SELECT *, {', '.join(second)} FROM ({inner}){where}" if second else inner), failures


def _types_of(connection: duckdb.DuckDBPyConnection, mapped: str, columns: dict[str, ResolvedColumn]) -> dict[str, str]:
    try:
        types = {row[0]: row[1] for row in connection.execute(f"DESCRIBE {mapped}").fetchall()}
    except duckdb.Error as error:
        problem = str(error).splitlines()[0][:300]
        raise FileRefusedError(f"an sql expression of the mapping does not fit its columns: {problem}") from None
    for name in columns:
        if types[f"raw_{name}"].endswith("]") or types[f"raw_{name}"].startswith(("STRUCT", "MAP")):
            raise FileRefusedError(
                f"the sql expression for {name} gives a list, not one value. Correct it in the mapping."
            )
    return {name: types[f"raw_{name}"] for name in columns}


def _takes_currency(feed: Feed, source: Source, name: str) -> bool:
    return feed.name == "orders" and name == "currency" and source.currency is not None


def _text_sql(feed: Feed, source: Source, column: Column) -> str:
    raw = f"CAST(raw_{column.name} AS VARCHAR)"
    text = f"nullif({raw}, '')" if column.name in FREE_TEXT else values.trimmed_sql(raw)
    value_map = source.value_maps.get(column.name)
    if value_map:
        cases = " ".join(
            f"WHEN {values.caseless_sql(quote_text(theirs))} THEN {'NULL' if ours is None else quote_text(ours)}"
            for theirs, ours in value_map.items()
        )
        text = f"CASE {values.caseless_sql(text)} {cases} ELSE {text} END"
    if _is_lower(column):
        text = f"lower({text})"
    if column.name == "status":
        cases = " ".join(
            f"WHEN {quote_text(theirs)} THEN {quote_text(ours)}" for theirs, ours in STATUS_SPELLINGS.items()
        )
        text = f"CASE {text} {cases} ELSE {text} END"
    if column.name == "currency":
        text = f"upper({text})"
        if _takes_currency(feed, source, column.name):
            text = f"coalesce({text}, {quote_text(source.currency)})"
    return text


def _is_lower(column: Column) -> bool:
    return column.name == "status" or bool(column.values)


def _typed_sql(column: Column, dialect: Dialect) -> str:
    name = column.name
    if column.type == "timestamp":
        return f"coalesce(instant_{name}, {utc_sql(f'local_{name}', dialect.time_zone)})"
    if column.type == "date":
        return values.date_sql(f"digits_{name}", dialect.date_formats)
    if column.type == "integer":
        return values.integer_sql(f"number_{name}")
    if column.type in ("money", "rate"):
        return values.decimal_sql(f"number_{name}", column.sql_type)
    if column.type == "boolean":
        return values.boolean_sql(f"digits_{name}")
    return f"text_{name}"


def _column_conditions(column: Column, limit: dt.datetime) -> list[tuple[str, str]]:
    name = quote_name(column.name)
    text = f"text_{column.name}"
    conditions = []
    if column.required:
        conditions.append((f"missing:{column.name}", f"{text} IS NULL"))
    unreadable = f"{text} IS NOT NULL AND {name} IS NULL"
    conditions += _spreadsheet_errors(column, unreadable)
    if column.type in ("timestamp", "date"):
        article = "not_a_timestamp" if column.type == "timestamp" else "not_a_date"
        conditions += [
            (f"{article}:{column.name}", unreadable),
            (f"before_1900:{column.name}", f"{name} < {column.sql_type} '{EARLIEST}'"),
            (f"in_the_future:{column.name}", f"{name} > TIMESTAMP '{limit:%Y-%m-%d %H:%M:%S}'"),
        ]
        if column.event:
            # What systems write where they know no time; taken for one, every series of periods would begin in 1970.
            written = f"(local_{column.name} IS NOT NULL AND local_{column.name} = {EPOCH})"
            conditions.append((f"placeholder:{column.name}", f"{name} = {EPOCH} OR {written}"))
    elif column.type in ("money", "rate", "integer"):
        as_double = f"TRY_CAST(number_{column.name} AS DOUBLE)"
        # What a float can hold but the column cannot: too large, infinite, not a number. A fraction is no such case.
        is_beyond = f"({as_double} IS NOT NULL AND NOT contains(number_{column.name}, '_'))"
        if column.type == "integer":
            is_beyond = f"({is_beyond} AND (isnan({as_double}) OR abs({as_double}) >= 9.2e18))"
        wrong = "not_an_integer" if column.type == "integer" else "not_a_number"
        conditions += [
            # CASE, because the engine works out both sides of an AND for every row.
            (f"{wrong}:{column.name}", f"CASE WHEN {unreadable} THEN NOT coalesce({is_beyond}, FALSE) END"),
            (f"out_of_range:{column.name}", f"CASE WHEN {unreadable} THEN {is_beyond} END"),
        ]
    elif column.type == "boolean":
        conditions.append((f"not_a_boolean:{column.name}", unreadable))
    return [*conditions, *_value_conditions(column, name)]


def _value_conditions(column: Column, name: str) -> list[tuple[str, str]]:
    """What the contract says of values that are readable; `name` is the column as SQL."""
    conditions = []
    if column.minimum is not None:
        conditions.append((f"below_minimum:{column.name}", f"{name} < {column.minimum}"))
    if column.positive:
        conditions.append((f"not_positive:{column.name}", f"{name} <= 0"))
    if column.values:
        known = ", ".join(quote_text(value) for value in column.values)
        conditions.append((f"unknown_value:{column.name}", f"{name} NOT IN ({known})"))
    if column.name == "currency":
        known = ", ".join(quote_text(code) for code in sorted(load_currencies()))
        conditions.append((f"unknown_currency:{column.name}", f"{name} NOT IN ({known})"))
    return conditions


def _spreadsheet_errors(column: Column, unreadable: str) -> list[tuple[str, str]]:
    if column.name in FREE_TEXT:
        return []
    errors = [error.lower() if _is_lower(column) else error for error in SPREADSHEET_ERRORS]
    text = f"text_{column.name}"
    is_error = f"CASE WHEN starts_with({text}, '#') THEN {values.is_one_of(text, errors)} END"
    if column.type != "text":
        is_error = f"CASE WHEN {unreadable} THEN {is_error} END"
    return [(f"spreadsheet_error:{column.name}", is_error)]


def _row_conditions(feed: Feed) -> list[tuple[str, str]]:
    conditions = []
    if feed.name in CLOSED_BEFORE:
        conditions.append(("closed_before_created:closed_at", f"closed_at < {CLOSED_BEFORE[feed.name]}"))
    if feed.name == "fx_rates":
        delivered = "TRY_CAST(number_rate AS DOUBLE)"
        lost = f"abs({delivered} - CAST(rate AS DOUBLE)) > {RATE_LOSS} * abs({delivered})"
        conditions.append(("too_small_a_rate:rate", f"CASE WHEN rate IS NOT NULL THEN {lost} END"))
    if feed.name == "order_lines":
        conditions += [
            (
                f"product_out_of_range:{price}",
                f"abs(CAST(quantity AS DOUBLE) * CAST({price} AS DOUBLE)) > {LARGEST_PRODUCT}",
            )
            for price in ("unit_price", "unit_cost")
        ]
    if feed.name == "survey_responses":
        scales = load_survey_scales()
        lowest = " ".join(f"WHEN {quote_text(scale.scale_id)} THEN {scale.minimum_score}" for scale in scales)
        highest = " ".join(f"WHEN {quote_text(scale.scale_id)} THEN {scale.maximum_score}" for scale in scales)
        conditions += [
            ("missing:metric", "score IS NOT NULL AND metric IS NULL"),
            (
                "missing:scale_id",
                "score IS NOT NULL AND metric IS NOT NULL AND given_scale IS NULL AND scale_id IS NULL",
            ),
            ("unknown_scale:scale_id", "given_scale IS NOT NULL AND metric IS NOT NULL AND scale_id IS NULL"),
            ("off_scale:score", f"score < CASE scale_id {lowest} END OR score > CASE scale_id {highest} END"),
        ]
    return conditions


def _with_known_scale(typed: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """`scale_id` becomes the seed's own id, whatever its spelling; a metric with a single scale needs none.

    `scale_key`, a column of the step before, is the metric and the scale as it was spelt.
    """
    expressions = dict(typed)
    given, metric = expressions["scale_id"], expressions["metric"]
    scales = load_survey_scales()
    cases = []
    for scale in scales:
        for spelling in (scale.scale_id, *scale.aliases):
            written = quote_text(f"{scale.metric}|{spelling}".lower())
            cases.append(f"WHEN {written} THEN {quote_text(scale.scale_id)}")
    only = {
        metric_name: ids[0]
        for metric_name in {scale.metric for scale in scales}
        if len(ids := [scale.scale_id for scale in scales if scale.metric == metric_name]) == 1
    }
    defaults = " ".join(f"WHEN {quote_text(name)} THEN {quote_text(only[name])}" for name in sorted(only))
    known = f"CASE WHEN {given} IS NULL THEN CASE {metric} {defaults} END ELSE CASE scale_key {' '.join(cases)} END END"
    return [("given_scale", given), *((name, known if name == "scale_id" else sql) for name, sql in typed)]


def refused_rows_sql(checked: Checked, source_columns: tuple[str, ...]) -> str:
    """The rows of REFUSED_SOURCE: ROW_PLACE, reasons, explanation, raw_record (JSON of the source columns as read)."""
    codes = ", ".join(f"CASE WHEN ({sql}) IS TRUE THEN {quote_text(code)} END" for code, sql in checked.conditions)
    sentences = ", ".join(
        f"CASE WHEN ({sql}) IS TRUE THEN {quote_text(explain(code))} END" for code, sql in checked.conditions
    )
    record = ", ".join(f"{quote_text(name)}, refused.{quote_name(name)}" for name in source_columns)
    judged = (
        f"SELECT {ROW_PLACE}, list_filter([{codes}], lambda code: code IS NOT NULL) AS reasons, "
        f"array_to_string(list_filter([{sentences}], lambda sentence: sentence IS NOT NULL), ' ') AS explanation "
        f"FROM ({checked.refused_sql})"
    )
    return (
        f"SELECT judged.*, CAST(json_object({record}) AS VARCHAR) AS raw_record FROM ({judged}) AS judged "
        f"JOIN {REFUSED_SOURCE} AS refused USING ({ROW_PLACE})"
    )
