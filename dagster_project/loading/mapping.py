"""The mapping file `extracts.yml`: which files feed what, and how their columns become the contract's.

Belongs here: the shape of the mapping and its validation, all problems at once. Does not belong here: opening extract
files (`landing`), the values of the `reporting:` section (`reporting_variables`).
"""

import datetime as dt
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import yaml

from dagster_project.loading.contracts import Feed, load_currencies, load_feeds
from dagster_project.loading.expressions import ORDER_ROW_NUMBER_COLUMN, ExpressionError, columns_of_expression
from dagster_project.loading.formats import FORMATS, Dialect, dialect_keys, format_by_suffix, read_dialect
from dagster_project.loading.mapping_document import (
    Document,
    MappingError,
    is_null,
    read_document,
    suggestion,
)
from dagster_project.loading.reporting_variables import read_variables

__all__ = ["ColumnMapping", "ExtractsConfig", "MappingError", "Source", "load_config"]

NAME_PATTERN = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
MODES = ("append", "upsert", "snapshot")
TOP_KEYS = ("name", "reporting", "defaults", "sources")
SOURCE_ONLY_KEYS = ("name", "feed", "files", "format", "sheet", "rows_where", "columns", "value_maps", "mode")
# Keys that make sense once for all sources; a source's own value wins.
SHARED_KEYS = (*dialect_keys(), "currency", "expect_every")
SPAN_PATTERN = re.compile(r"([0-9]{1,4}) (hour|day|week)s?")
# For files that are delivered once and never again.
NEVER_EXPECTED = dt.timedelta.max


@dataclass(frozen=True)
class ColumnMapping:
    """Where a contract column comes from.

    Kind `source` (text = column name), `sql` (expression) or `value` (constant).
    """

    kind: str
    text: str


@dataclass(frozen=True)
class Source:
    """One entry of `sources:`: files that feed one feed.

    `columns` is None where the files use the contract's own names. `rows_where` is an expression that is true for the
    rows that are about the feed at all; the others are passed over. `expect_every` is how long it may bring nothing
    newer: a span, NEVER_EXPECTED, or None where its own past has to tell.
    """

    name: str
    feed: str
    files: str
    format: str | None
    sheet: str | None
    dialect: Dialect
    rows_where: str | None
    columns: dict[str, ColumnMapping] | None
    value_maps: dict[str, dict[str, str | None]]
    currency: str | None
    mode: str
    expect_every: dt.timedelta | None = None

    @property
    def numbers_rows_in_orders(self) -> bool:
        """Whether a column is, or is made of, the number of a row within its order, or rows are chosen by it."""
        chosen = [ColumnMapping("sql", self.rows_where)] if self.rows_where else []
        return any(_uses_order_row_number(mapping) for mapping in (*(self.columns or {}).values(), *chosen))


def _uses_order_row_number(mapping: ColumnMapping) -> bool:
    if mapping.kind == "source":
        return mapping.text.strip().lower() == ORDER_ROW_NUMBER_COLUMN
    if mapping.kind != "sql":
        return False
    try:
        columns = columns_of_expression(mapping.text)
    except ExpressionError:
        return False
    return any(column.lower() == ORDER_ROW_NUMBER_COLUMN for column in columns)


@dataclass(frozen=True)
class ExtractsConfig:
    """A validated mapping file. `name` is the dataset, `variables` what `reporting:` sets for dbt."""

    name: str
    variables: dict[str, object]
    sources: list[Source]


def load_config(path: Path) -> ExtractsConfig:
    """Read and validate a mapping file.

    Raises MappingError whose text lists every problem as `file:line: problem. fix`.
    """
    document, root = read_document(path)
    entries = document.entries(root, "the mapping file")
    document.check_keys(root, entries, TOP_KEYS, "the mapping file")
    name = document.text(entries.get("name"), "name")
    if name is None:
        document.complain(root, "`name:` is missing. Add one, such as `name: my_shop`; batches in the lake carry it.")
    elif not NAME_PATTERN.fullmatch(name):
        document.complain(entries["name"], f"name '{name}' must be lower-case letters, digits and single underscores.")
    variables = read_variables(document, entries.get("reporting"))
    defaults = document.entries(entries.get("defaults"), "defaults")
    document.check_keys(entries.get("defaults"), defaults, SHARED_KEYS, "defaults")
    source_nodes = document.items(entries.get("sources"), "sources")
    if not source_nodes:
        document.complain(
            entries.get("sources") or root, "`sources:` lists no files. Add at least one entry for orders."
        )
    sources = [_source(document, node, defaults) for node in source_nodes]
    _check_names_differ(document, source_nodes, sources)
    document.raise_problems()
    return ExtractsConfig(name=name, variables=variables, sources=[source for source in sources if source is not None])


def _check_names_differ(document: Document, nodes: list[yaml.Node], sources: list[Source | None]) -> None:
    seen = set()
    for node, source in zip(nodes, sources, strict=True):
        if source is not None and source.name in seen:
            document.complain(
                node, f"two sources are called '{source.name}'. The ledger tells files apart by it: rename one."
            )
        if source is not None:
            seen.add(source.name)


def _source(document: Document, node: yaml.Node, defaults: dict[str, yaml.Node]) -> Source | None:
    entries = document.entries(node, "a source")
    document.check_keys(node, entries, (*SOURCE_ONLY_KEYS, *SHARED_KEYS), "a source")
    missing = [key for key in ("name", "feed", "files") if document.text(entries.get(key), key) in (None, "")]
    if missing:
        document.complain(node, f"a source needs {', '.join(f'`{key}:`' for key in missing)}.")
        return None
    name = entries["name"].value
    if not NAME_PATTERN.fullmatch(name):
        document.complain(entries["name"], f"name '{name}' must be lower-case letters, digits and single underscores.")
    feed = load_feeds().get(entries["feed"].value)
    if feed is None:
        message = f"there is no feed '{entries['feed'].value}'. {suggestion(entries['feed'].value, load_feeds())}"
        document.complain(entries["feed"], message)
        return None
    file_format = _one_of(document, entries, "format", FORMATS, None)
    # A dialect key in `defaults:` is meant for the text files among the sources, so only a source's own key can be
    # misplaced.
    suffix_format = format_by_suffix(PurePosixPath(entries["files"].value))
    dialect = read_dialect(document, entries, defaults, file_format, suffix_format)
    columns = _columns(document, entries.get("columns"), feed, node)
    known_format = file_format or suffix_format
    if "sheet" in entries and known_format not in (None, "excel"):
        document.complain(
            entries["sheet"], f"sheet belongs to excel files; {known_format} has no such thing. Remove it."
        )
    return Source(
        name=name,
        feed=feed.name,
        files=_files(document, entries["files"]),
        format=file_format,
        sheet=document.text(entries.get("sheet"), "sheet"),
        dialect=dialect,
        rows_where=_rows_where(document, entries.get("rows_where")),
        columns=columns,
        value_maps=_value_maps(document, entries.get("value_maps"), feed, columns),
        currency=_currency(document, entries, defaults),
        mode=_one_of(document, entries, "mode", MODES, "append"),
        expect_every=_span(document, entries.get("expect_every", defaults.get("expect_every"))),
    )


def _rows_where(document: Document, node: yaml.Node | None) -> str | None:
    expression = document.text(node, "rows_where")
    return None if expression is None else _expression(document, node, expression, "rows_where")


def _with_composed_names(expression: str) -> str:
    """The expression with the names of its columns in NFC, as those of files are; its texts stay, as values do."""
    # A name in double quotes may hold a single one, and is looked at first.
    return re.sub(
        r"""("(?:[^"]|"")*"|[^"']+)|'(?:[^']|'')*'""",
        lambda part: unicodedata.normalize("NFC", part[0]) if part[1] else part[0],
        expression,
    )


def _expression(document: Document, node: yaml.Node | None, text: str, what: str) -> str:
    """The expression as it is used; what is wrong with it is noted in the document."""
    expression = _with_composed_names(text)
    try:
        columns_of_expression(expression)
    except ExpressionError as error:
        document.complain(node, f"{what}: {error}.")
    return expression


def _one_of(
    document: Document, entries: dict[str, yaml.Node], key: str, known: tuple[str, ...], default: str | None
) -> str | None:
    value = document.text(entries.get(key), key, default)
    if value != default and value not in known:
        document.complain(entries[key], f"{key} '{value}' is not known. {suggestion(value, known)}")
        return default
    return value


def _files(document: Document, node: yaml.Node) -> str:
    pattern = node.value
    parts = PurePosixPath(pattern.replace("\\", "/")).parts
    if pattern.startswith(("/", "~")) or re.match(r"[A-Za-z]:", pattern) or ".." in parts:
        document.complain(
            node, f"files '{pattern}' leaves the extracts folder. Write it relative to that folder, without '..'."
        )
    if not parts:
        document.complain(node, f"files '{pattern}' names no file. Write a pattern such as 'orders*.csv'.")
    if any("**" in part and part != "**" for part in parts):
        document.complain(node, f"files '{pattern}': '**' must stand alone between slashes, as in '**/orders*.csv'.")
    return pattern


def _span(document: Document, node: yaml.Node | None) -> dt.timedelta | None:
    text = document.text(node, "expect_every")
    if text is None:
        return None
    if text == "never":
        return NEVER_EXPECTED
    match = SPAN_PATTERN.fullmatch(text)
    if match is None or int(match[1]) == 0:
        document.complain(node, f"expect_every '{text}' is no span. Write 36 hours, 1 day, 2 weeks or never.")
        return None
    return dt.timedelta(**{f"{match[2]}s": int(match[1])})


def _currency(document: Document, entries: dict[str, yaml.Node], defaults: dict[str, yaml.Node]) -> str | None:
    node = entries.get("currency", defaults.get("currency"))
    code = document.text(node, "currency")
    if code is None:
        return None
    if code.strip().upper() not in load_currencies():
        document.complain(node, f"currency '{code}' is not an ISO 4217 code such as EUR, IRR or AED.")
    return code.strip().upper()


def _columns(
    document: Document, node: yaml.Node | None, feed: Feed, source_node: yaml.Node
) -> dict[str, ColumnMapping] | None:
    if node is None or is_null(node):
        return None
    entries = document.entries(node, "columns")
    if not isinstance(node, yaml.MappingNode):
        return None
    document.check_keys(node, entries, feed.columns, f"columns of {feed.name}")
    columns = {
        name: mapping
        for name, value in entries.items()
        if name in feed.columns and (mapping := _column(document, value, feed, name)) is not None
    }
    absent = [column.name for column in feed.columns.values() if column.required and column.name not in entries]
    if absent:
        document.complain(
            source_node,
            f"{feed.name} needs {', '.join(absent)}. Add to `columns:` a source column, {{sql}} or {{value}}.",
        )
    _check_order_row_number(document, entries, columns)
    return columns


def _check_order_row_number(
    document: Document, entries: dict[str, yaml.Node], columns: dict[str, ColumnMapping]
) -> None:
    numbered = [name for name, mapping in columns.items() if _uses_order_row_number(mapping)]
    if not numbered:
        return
    order = columns.get("order_id")
    if order is None or order.kind == "value" or "order_id" in numbered:
        document.complain(
            entries[numbered[0]],
            f"column {numbered[0]}: {ORDER_ROW_NUMBER_COLUMN} counts the rows of an order, so order_id must be a "
            "column of the file, or an expression over other columns.",
        )


def _column(document: Document, node: yaml.Node, feed: Feed, name: str) -> ColumnMapping | None:
    if isinstance(node, yaml.ScalarNode):
        if is_null(node) or not node.value.strip():
            document.complain(node, f"column {name} has no source. Name a source column, or leave the line out.")
            return None
        return ColumnMapping("source", node.value)
    entries = document.entries(node, f"column {name}")
    if len(entries) != 1 or next(iter(entries)) not in ("sql", "value"):
        document.complain(
            node, f'column {name} must be a source column, {{sql: "an expression"}} or {{value: a constant}}.'
        )
        return None
    kind, value_node = next(iter(entries.items()))
    text = document.text(value_node, f"column {name}", "") or ""
    if not text.strip():
        document.complain(value_node, f"column {name}: {kind} is empty.")
        return None
    if kind == "sql":
        text = _expression(document, value_node, text, f"column {name}")
    values = feed.columns[name].values
    if kind == "value" and values and text.strip().lower() not in values:
        document.complain(value_node, f"column {name}: '{text}' is not possible here. Possible: {', '.join(values)}.")
    return ColumnMapping(kind, text)


def _value_maps(
    document: Document, node: yaml.Node | None, feed: Feed, columns: dict[str, ColumnMapping] | None
) -> dict[str, dict[str, str | None]]:
    entries = document.entries(node, "value_maps")
    document.check_keys(node, entries, feed.columns, f"value_maps of {feed.name}")
    maps: dict[str, dict[str, str | None]] = {}
    for name, map_node in entries.items():
        if columns is not None and name in feed.columns and name not in columns:
            document.complain(map_node, f"value_maps: {name} is not under `columns:`, so there is nothing to map.")
        pairs = document.entries(map_node, f"value_maps of {name}")
        maps[name] = {
            unicodedata.normalize("NFC", key.strip()): document.text(value, name) for key, value in pairs.items()
        }
        values = feed.columns[name].values if name in feed.columns else ()
        for key, value in maps[name].items():
            if values and value is not None and value.strip().lower() not in values:
                document.complain(
                    map_node, f"value_maps of {name}: '{key}' becomes '{value}'. Possible: {', '.join(values)}."
                )
    return maps
