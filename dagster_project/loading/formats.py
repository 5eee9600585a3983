"""How the values of a file are written: its format, its CSV dialect, its dates and numbers.

Belongs here: the dialect and its validation. Does not belong here: reading files (`delimited`, `landing`).
"""

import codecs
import contextlib
import itertools
import re
from dataclasses import dataclass, replace
from pathlib import PurePath

import duckdb
import yaml

from dagster_project.loading.mapping_document import Document, suggestion
from dagster_project.loading.reporting_variables import time_zone_problem

FORMATS = ("csv", "tsv", "ndjson", "parquet", "excel")
DELIMITED_FORMATS = ("csv", "tsv")
DEFAULT_DELIMITERS = {"csv": ",", "tsv": "\t"}
# Formats with types of their own, which are written as plain numbers and ISO moments when a file is read.
TYPED_FORMATS = ("parquet", "excel")
COMPRESSED_SUFFIXES = (".gz", ".zst")
SUFFIX_FORMATS = {
    ".csv": "csv",
    ".txt": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".parquet": "parquet",
    ".xlsx": "excel",
    ".xlsm": "excel",
}
MARK_KEYS = ("decimal_mark", "thousands_mark")
DECIMAL_MARKS = (".", ",")
# The spaces and the apostrophe also as typesetters write them, and the Arabic mark.
THOUSANDS_MARKS = (".", ",", "'", " ", "\u00a0", "\u2009", "\u202f", "\u2019", "\u066c")
DELIMITED_KEYS = ("delimiter", "quote", "escape", "header", "encoding", *MARK_KEYS)
TIME_KEYS = ("time_zone", "date_formats", "timestamp_formats")

# Formats with a name of their own beside strptime patterns.
ISO = "iso"
EPOCH_FORMATS = {"epoch_seconds": 1_000_000, "epoch_milliseconds": 1_000}
KNOWN_DIRECTIVES = frozenset("YymdbBHIMSfpzjaA%")
PROBES = ("2001-02-03 04:05:06", "2010-11-12 13:14:15", "2023-07-08 21:09:10")


@dataclass(frozen=True)
class Dialect:
    """How a file writes its values.

    `delimiter` None: by format. `header` is True, False or the column names of a file without one.

    `date_formats` and `timestamp_formats` are strptime patterns, `iso`, `epoch_seconds` or `epoch_milliseconds`.
    """

    delimiter: str | None = None
    quote: str = '"'
    escape: str = '"'
    header: bool | tuple[str, ...] = True
    encoding: str = "utf-8"
    decimal_mark: str = "."
    thousands_mark: str | None = None
    time_zone: str = "UTC"
    date_formats: tuple[str, ...] = (ISO,)
    timestamp_formats: tuple[str, ...] = (ISO,)

    def of_values(self, file_format: str) -> "Dialect":
        """How values are written in files of a format.

        Marks belong to csv and tsv files; elsewhere a number is plain, also one that is written as a text. Formats of
        moments apply to texts everywhere, and beside them ISO, as which typed moments were written.
        """
        dialect = self
        if file_format not in DELIMITED_FORMATS:
            dialect = replace(dialect, decimal_mark=".", thousands_mark=None)
        if file_format in TYPED_FORMATS:
            dialect = replace(
                dialect,
                date_formats=_with_iso(self.date_formats),
                timestamp_formats=_with_iso(self.timestamp_formats),
            )
        return dialect


def _with_iso(formats: tuple[str, ...]) -> tuple[str, ...]:
    return formats if ISO in formats else (*formats, ISO)


def format_by_suffix(name: PurePath) -> str | None:
    """The format that a file's suffix tells (the one before .gz or .zst), None where it tells none."""
    suffixes = [suffix.lower() for suffix in name.suffixes]
    if suffixes and suffixes[-1] in COMPRESSED_SUFFIXES:
        suffixes.pop()
    return SUFFIX_FORMATS.get(suffixes[-1]) if suffixes else None


def dialect_keys() -> tuple[str, ...]:
    """The keys of the mapping file that make up a dialect."""
    return (*DELIMITED_KEYS, *TIME_KEYS)


def read_dialect(
    document: Document,
    entries: dict[str, yaml.Node],
    defaults: dict[str, yaml.Node],
    file_format: str | None,
    suffix_format: str | None,
) -> Dialect:
    """The dialect of a source: its own keys over the defaults; problems are noted in the document.

    `file_format` is what the source states, `suffix_format` what the suffix of its files tells.
    """
    # A sheet may lack its header and lines of JSON may be in cp1252, but marks do nothing in any other format.
    keys = DELIMITED_KEYS if file_format is not None else MARK_KEYS
    known_format = file_format or suffix_format
    if known_format not in (None, *DELIMITED_FORMATS):
        for key in keys:
            if key in entries:
                document.complain(
                    entries[key], f"{key} belongs to csv and tsv files; {known_format} has no such thing. Remove it."
                )
    nodes = {key: entries.get(key, defaults.get(key)) for key in dialect_keys()}
    quote = _character(document, nodes["quote"], "quote", '"', may_be_empty=True)
    dialect = Dialect(
        delimiter=_character(document, nodes["delimiter"], "delimiter", None),
        quote=quote,
        escape=_character(document, nodes["escape"], "escape", quote, may_be_empty=True),
        header=_header(document, nodes["header"]),
        encoding=_encoding(document, nodes["encoding"]),
        decimal_mark=_mark(document, nodes["decimal_mark"], "decimal_mark", ".", DECIMAL_MARKS),
        thousands_mark=_mark(document, nodes["thousands_mark"], "thousands_mark", None, THOUSANDS_MARKS),
        time_zone=_time_zone(document, nodes["time_zone"]),
        date_formats=_formats(document, nodes["date_formats"], "date_formats"),
        timestamp_formats=_formats(document, nodes["timestamp_formats"], "timestamp_formats"),
    )
    if dialect.decimal_mark == dialect.thousands_mark:
        document.complain(
            nodes["thousands_mark"], "decimal_mark and thousands_mark are the same. One of them is wrong."
        )
    _check_delimiter(document, nodes, dialect, known_format)
    return dialect


def _check_delimiter(
    document: Document, nodes: dict[str, yaml.Node | None], dialect: Dialect, known_format: str | None
) -> None:
    delimiter = dialect.delimiter or DEFAULT_DELIMITERS.get(known_format or "csv")
    same = [key for key, mark in (("quote", dialect.quote), ("escape", dialect.escape)) if mark == delimiter]
    if same:
        node = nodes[same[0]] or nodes["delimiter"]
        document.complain(node, f"delimiter and {same[0]} are the same. One of them is wrong.")


def _mark(
    document: Document, node: yaml.Node | None, key: str, default: str | None, known: tuple[str, ...]
) -> str | None:
    text = document.text(node, key, default)
    if text is not None and text not in known:
        document.complain(node, f"{key} '{text}' is no mark of numbers. Possible: {_shown(known)}.")
        return default
    return text


def _shown(marks: tuple[str, ...]) -> str:
    shown = [f"'{mark}'" if mark != "'" else '"\'"' for mark in marks if mark.isascii() and not mark.isspace()]
    return ", ".join([*shown, "a space"] if " " in marks else shown)


def _character(
    document: Document, node: yaml.Node | None, key: str, default: str | None, *, may_be_empty: bool = False
) -> str | None:
    text = document.text(node, key, default)
    if text is None or text == default:
        return default
    text = {"tab": "\t", "\\t": "\t"}.get(text, text)
    if text == "" and may_be_empty:
        return ""
    if len(text) != 1 or not text.isascii() or text in "\r\n":
        document.complain(node, f"{key} must be one character, such as ';' or tab; it is '{text}'.")
        return default
    return text


def _header(document: Document, node: yaml.Node | None) -> bool | tuple[str, ...]:
    if isinstance(node, yaml.SequenceNode):
        return document.texts(node, "header")
    text = (document.text(node, "header", "true") or "true").lower()
    if text not in ("true", "false", "yes", "no"):
        document.complain(
            node, f"header is '{text}'; it must be true, false, or the list of column names of files without one."
        )
    return text in ("true", "yes")


def _encoding(document: Document, node: yaml.Node | None) -> str:
    name = document.text(node, "encoding", "utf-8") or "utf-8"
    try:
        # Decoding refuses what is a codec but not of text (base64, rot13); a codec may well refuse this one byte.
        with contextlib.suppress(UnicodeError):
            b"a".decode(name)
        return codecs.lookup(name).name
    # A name with a NUL in it is a ValueError.
    except (LookupError, ValueError):
        document.complain(
            node, f"encoding '{name}' is not known. Use utf-8, utf-16, cp1252, cp1256, iso8859-1 or another codec."
        )
        return "utf-8"


def _time_zone(document: Document, node: yaml.Node | None) -> str:
    zone = document.text(node, "time_zone", "UTC") or "UTC"
    problem = time_zone_problem(zone)
    if problem:
        document.complain(node, f"time_zone {problem}")
        return "UTC"
    return zone


def _formats(document: Document, node: yaml.Node | None, key: str) -> tuple[str, ...]:
    formats = document.texts(node, key) or (ISO,)
    patterns = []
    for text in formats:
        if text == ISO or (text in EPOCH_FORMATS and key == "timestamp_formats"):
            continue
        problem = _format_problem(text)
        if problem:
            document.complain(node, f"{key}: {problem}")
        else:
            patterns.append(text)
    clash = _ambiguous_pair(patterns)
    if clash:
        document.complain(
            node, f"{key}: '{clash[0]}' and '{clash[1]}' read the same text as different days. Keep one a source."
        )
    return formats


def _format_problem(text: str) -> str | None:
    directives = re.findall(r"%-?(.)", text)
    if not directives:
        return f"'{text}' is not a date format. Write it like '%d/%m/%Y'. {suggestion(text, (ISO, *EPOCH_FORMATS))}"
    unknown = [directive for directive in directives if directive not in KNOWN_DIRECTIVES]
    if unknown:
        return f"'{text}' has %{unknown[0]}, which is not known here. Use %Y %m %d %b %H %I %M %S %f %p %z."
    has_day = "j" in directives or ("d" in directives and any(month in directives for month in "mbB"))
    if not has_day or not any(year in directives for year in "Yy"):
        return f"'{text}' does not say day, month and year, so it names no date."
    return None


def _ambiguous_pair(patterns: list[str]) -> tuple[str, str] | None:
    """Two patterns of which one reads what the other wrote, as another moment; None where there are none."""
    if len(patterns) < 2:
        return None
    query = (
        "SELECT date_trunc('day', try_strptime(strftime(moment, ?), ?)::TIMESTAMP) <> date_trunc('day', moment) "
        "FROM (SELECT unnest(?::TIMESTAMP[]) AS moment)"
    )
    with duckdb.connect() as connection:
        # What a pattern with %z reads is an instant, and its day would be that of the machine's own zone.
        connection.execute("SET TimeZone = 'UTC'")
        for first, second in itertools.permutations(patterns, 2):
            rows = connection.execute(query, [first, second, list(PROBES)]).fetchall()
            if any(row[0] for row in rows):
                return first, second
    return None
