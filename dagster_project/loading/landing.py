"""Landing: a file of any format becomes a table of text inside the engine, one row a record.

Belongs here: formats, decompression, encodings, and the proof that no record went missing on the way. Does not belong
here: what the values mean (`checks`), writing batches (`batches`).

After `land` the connection has a view `source_<file number>`: the column `source_row_number` (1-based, header and blank
lines not counted) and the file's columns under their own names, all VARCHAR. Nothing is guessed: no type, no
delimiter, no encoding. Records that have no columns are in the table `broken_<file number>` instead: their number, the
reason's code and their text. `gather` lays files that have the same columns one under the other, so that they are
checked in one query.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from dagster_project.loading.checks import GATHERED
from dagster_project.loading.delimited import (
    distinct_names,
    read_header,
    rewrite_records,
    scan_structure,
)
from dagster_project.loading.expressions import FILE_NUMBER_COLUMN, ROW_NUMBER_COLUMN
from dagster_project.loading.formats import DEFAULT_DELIMITERS, Dialect, format_by_suffix
from dagster_project.loading.mapping import Source
from dagster_project.loading.plain_text import (
    excel_to_csv,
    largest_unpacked,
    to_plain_utf8,
    too_large,
)
from dagster_project.loading.refusals import FileRefusedError
from dagster_project.sql_text import quote_name, quote_text
from dagster_project.storage_errors import lasting_problem

# NDJSON is read as lines; JSON text never holds this control character unescaped.
UNIT_SEPARATOR = "\x1f"
LINES = Dialect(delimiter=UNIT_SEPARATOR, quote="", escape="", header=("line",))
PLAIN = Dialect(header=False)
LONGEST_LINE = 4_000_000
# Beyond, a float no longer tells whole numbers apart.
LARGEST_EXACT_DOUBLE = 2**53
MOST_COLUMNS = 2_000


@dataclass(frozen=True)
class Landed:
    """What the view of a file holds.

    `rows_read` counts all records, `broken_count` those among them that have no columns.
    """

    rows_read: int
    columns: tuple[str, ...]
    broken_count: int


def format_of(path: Path, source: Source) -> str:
    """The format of a file: as the mapping says, else by its suffix (before .gz or .zst).

    Raises FileRefusedError where neither tells.
    """
    if source.format is not None:
        return source.format
    known = format_by_suffix(path)
    if known is None:
        raise FileRefusedError(
            "its suffix does not tell the format. Set `format:` to csv, tsv, ndjson, parquet or excel."
        )
    return known


def land(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    source: Source,
    work_dir: Path,
    on_rows: Callable[[int], None],
    file_number: int,
) -> Landed:
    """Read a file into the view `source_<file_number>` and the table `broken_<file_number>` of the connection.

    Raises FileRefusedError where the file as a whole cannot be read. `work_dir` holds temporary copies.
    """
    file_format = format_of(path, source)
    if path.stat().st_size == 0:
        raise FileRefusedError("it is empty (0 bytes), not even a header. Deliver it again, or remove it.")
    path = _plainly_named(path, work_dir)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE broken_{file_number} (row_number BIGINT, reason VARCHAR, text VARCHAR)"
    )
    if file_format == "parquet":
        return _land_parquet(connection, path, file_number)
    if file_format == "excel":
        copy = work_dir / "excel.csv"
        excel_to_csv(path, source.sheet, header=source.dialect.header, target=copy)
        dialect = Dialect(header=source.dialect.header)
        return _land_delimited(connection, copy, ",", dialect, work_dir, on_rows, file_number)
    plain = to_plain_utf8(path, source.dialect.encoding, work_dir)
    if file_format == "ndjson":
        return _land_ndjson(connection, plain, work_dir, on_rows, file_number)
    delimiter = source.dialect.delimiter or DEFAULT_DELIMITERS[file_format]
    return _land_delimited(connection, plain, delimiter, source.dialect, work_dir, on_rows, file_number)


def gather(connection: duckdb.DuckDBPyConnection, file_count: int) -> None:
    """Make the rows of the views `source_1` to `source_<file_count>` the view GATHERED; nothing is copied."""
    files = " UNION ALL ".join(
        f"SELECT {number} AS {FILE_NUMBER_COLUMN}, * FROM source_{number}" for number in range(1, file_count + 1)
    )
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {GATHERED} AS {files}")


def _check_width(columns: list[str]) -> None:
    if len(columns) > MOST_COLUMNS:
        raise FileRefusedError(f"it has {len(columns):,} columns, more than {MOST_COLUMNS:,}. Look for lost line ends.")


def _plainly_named(path: Path, work_dir: Path) -> Path:
    """The file under a name without the characters that the engine takes for a pattern."""
    if not set("*?[]{}") & set(str(path)):
        return path
    # After a dot inside the name such characters are in what counts as a suffix.
    suffixes = [suffix for suffix in path.suffixes[-2:] if suffix[1:].isalnum()]
    link = work_dir / "".join(("extract", *suffixes))
    link.unlink(missing_ok=True)
    link.symlink_to(path.resolve())
    return link


def _land_delimited(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    delimiter: str,
    dialect: Dialect,
    work_dir: Path,
    on_rows: Callable[[int], None],
    file_number: int,
) -> Landed:
    columns = read_header(path, delimiter, dialect)
    if not columns:
        raise FileRefusedError("it has no header and no rows. Deliver it again, or remove it.")
    _check_width(columns)
    structure = scan_structure(path, delimiter, dialect.quote, dialect.escape)
    record_count = structure.record_count - (1 if dialect.header is True else 0)
    on_rows(record_count)
    if structure.is_regular and not structure.ends_inside_quotes:
        try:
            rows = _csv_sql(path, delimiter, dialect, len(columns), has_crlf=structure.has_crlf)
            connection.execute(f"CREATE OR REPLACE TEMP TABLE landed_{file_number} AS FROM {rows}")
            landed = connection.execute(f"SELECT count(*) FROM landed_{file_number}").fetchone()[0]
        except (duckdb.InvalidInputException, duckdb.ConversionException):
            landed = None
        if landed == record_count:
            _name_columns(connection, file_number, columns, "rowid + 1")
            return Landed(record_count, tuple(columns), 0)
    # The engine found something that it cannot read, or counts otherwise: read record by record.
    copy, broken_copy = work_dir / "records.csv", work_dir / "broken.csv"
    record_count = rewrite_records(path, delimiter, dialect, len(columns), copy, broken_copy)
    rows, broken = _csv_sql(copy, ",", PLAIN, len(columns) + 1), _csv_sql(broken_copy, ",", PLAIN, 3)
    try:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE landed_{file_number} AS FROM {rows}")
        broken_count = connection.execute(
            f"INSERT INTO broken_{file_number} SELECT c0::BIGINT, c1, coalesce(c2, '') FROM {broken}"
        ).fetchone()[0]
    except (duckdb.InvalidInputException, duckdb.ConversionException) as error:
        # The engine's own words may quote a value, here and below.
        raise FileRefusedError(
            f"the engine stops at its records ({type(error).__name__}). A record may have {LONGEST_LINE:,} bytes at "
            "most: look for lost line ends."
        ) from None
    _name_columns(connection, file_number, columns, "c0::BIGINT", first=1)
    landed = connection.execute(f"SELECT count(*) FROM landed_{file_number}").fetchone()[0]
    if landed + broken_count != record_count:
        raise FileRefusedError(f"{record_count} records were counted but {landed + broken_count} could be read.")
    return Landed(record_count, tuple(columns), broken_count)


def _csv_sql(path: Path, delimiter: str, dialect: Dialect, column_count: int, *, has_crlf: bool = False) -> str:
    types = ", ".join(f"'c{position}': 'VARCHAR'" for position in range(column_count))
    newline = "\\r\\n" if has_crlf else "\\n"
    return (
        f"read_csv({quote_text(str(path))}, "
        f"auto_detect = false, delim = {quote_text(delimiter)}, quote = {quote_text(dialect.quote)}, "
        f"escape = {quote_text(dialect.escape)}, header = {dialect.header is True}, columns = {{{types}}}, "
        # Left to itself the engine takes the first line end it meets, be it inside a quoted value.
        f"max_line_size = {LONGEST_LINE}, new_line = '{newline}')"
    )


def _name_columns(
    connection: duckdb.DuckDBPyConnection, file_number: int, columns: list[str], row_number: str, first: int = 0
) -> None:
    named = ", ".join(f"c{position} AS {quote_name(name)}" for position, name in enumerate(columns, start=first))
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW source_{file_number} AS "
        f"SELECT {row_number} AS {ROW_NUMBER_COLUMN}, {named} FROM landed_{file_number}"
    )


def _land_ndjson(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    work_dir: Path,
    on_rows: Callable[[int], None],
    file_number: int,
) -> Landed:
    lines = _land_delimited(connection, path, UNIT_SEPARATOR, LINES, work_dir, on_rows, file_number)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE documents AS SELECT {ROW_NUMBER_COLUMN} AS row_number, line, json_valid(line) "
        "AND coalesce(json_type(CASE WHEN json_valid(line) THEN line END) = 'OBJECT', false) AS is_object "
        f"FROM source_{file_number}"
    )
    names = [
        row[0]
        for row in connection.execute(
            "SELECT name FROM (SELECT unnest(json_keys(line)) AS name, row_number FROM documents WHERE is_object) "
            "GROUP BY name ORDER BY min(row_number), name"
        ).fetchall()
    ]
    if not names:
        raise FileRefusedError("no line of it is a JSON object with keys. Write one object a line, such as {...}.")
    _check_width(names)
    if len({name.lower() for name in names}) < len(names):
        raise FileRefusedError(
            "it has keys that differ only in upper and lower case. Rename one of them in the delivery."
        )
    structure = quote_text(json.dumps(dict.fromkeys(names, "VARCHAR")))
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE landed_{file_number} AS "
        f"SELECT row_number, json_transform(line, {structure}) AS document FROM documents WHERE is_object"
    )
    no_objects = connection.execute(
        f"INSERT INTO broken_{file_number} SELECT row_number, 'not_a_json_object', line FROM documents "
        "WHERE NOT is_object"
    ).fetchone()[0]
    columns = distinct_names(names)
    named = "".join(
        f", document[{quote_text(name)}] AS {quote_name(column)}" for name, column in zip(names, columns, strict=True)
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW source_{file_number} AS "
        f"SELECT row_number AS {ROW_NUMBER_COLUMN}{named} FROM landed_{file_number}"
    )
    return Landed(lines.rows_read, tuple(columns), lines.broken_count + no_objects)


def _land_parquet(connection: duckdb.DuckDBPyConnection, path: Path, file_number: int) -> Landed:
    name = quote_text(str(path))
    try:
        counted = connection.execute(f"SELECT sum(num_rows) FROM parquet_file_metadata({name})").fetchone()[0]
        types = connection.execute(f"DESCRIBE FROM read_parquet({name}, binary_as_string = true)").fetchall()
        columns = distinct_names([row[0] for row in types])
        _check_width(columns)
        _check_parquet_size(connection, path, (counted or 0) * len(columns))
        texts = ", ".join(f"{_parquet_text(row[0], row[1])} AS c{position}" for position, row in enumerate(types))
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE landed_{file_number} AS "
            f"SELECT {texts} FROM read_parquet({name}, binary_as_string = true)"
        )
    except (duckdb.OutOfMemoryException, duckdb.InterruptException):
        raise
    except duckdb.Error as error:
        if lasting_problem(error):
            raise
        raise FileRefusedError(_parquet_problem(error)) from None
    landed = connection.execute(f"SELECT count(*) FROM landed_{file_number}").fetchone()[0]
    if landed != counted:
        raise FileRefusedError(f"its footer says {counted} rows but {landed} could be read. Deliver it again.")
    _name_columns(connection, file_number, columns, "rowid + 1")
    return Landed(landed, tuple(columns), 0)


def _check_parquet_size(connection: duckdb.DuckDBPyConnection, path: Path, values: int) -> None:
    """A few bytes of Parquet may stand for a thousand million equal values, so bytes alone do not tell."""
    unpacked = connection.execute(
        f"SELECT coalesce(sum(total_uncompressed_size), 0) FROM parquet_metadata({quote_text(str(path))})"
    ).fetchone()[0]
    limit = largest_unpacked(path)
    if max(unpacked, values) > limit:
        raise too_large(limit)


def _parquet_text(name: str, sql_type: str) -> str:
    """A value as text. A whole number has no decimal point: ids in a column with gaps are often written as floats."""
    value = quote_name(name)
    text = f"CAST({value} AS VARCHAR)"
    if sql_type.endswith("]") or sql_type.startswith(("STRUCT", "MAP", "UNION")):
        return f"to_json({value})::VARCHAR"
    if sql_type in ("FLOAT", "DOUBLE"):
        is_whole = f"abs({value}) <= {LARGEST_EXACT_DOUBLE} AND {value} = trunc({value})"
        return f"CASE WHEN {is_whole} THEN CAST(CAST({value} AS BIGINT) AS VARCHAR) ELSE {text} END"
    if sql_type.startswith("DECIMAL"):
        return f"CASE WHEN {value} = trunc({value}) THEN CAST(trunc({value}) AS VARCHAR) ELSE {text} END"
    return text


def _parquet_problem(error: duckdb.Error) -> str:
    if "not valid UTF8" in str(error):
        return "it holds text that is not UTF-8. Have it written as UTF-8, or leave the column out of the delivery."
    return f"it is not a readable Parquet file ({type(error).__name__}). Deliver it again."
