"""Which column of a file each contract column is read from.

Belongs here: matching the mapping with the columns that a file really has. Does not belong here: reading the file
(`landing`).
"""

import difflib
import re
import unicodedata
from dataclasses import dataclass

from dagster_project.loading.contracts import Feed
from dagster_project.loading.expressions import columns_of_expression
from dagster_project.loading.mapping import Source
from dagster_project.loading.refusals import FileRefusedError


@dataclass(frozen=True)
class ColumnUse:
    """What became of columns: those of the file that nothing reads, and those of the contract that it fills nothing
    into.
    """

    unmapped: list[str]
    lacking: list[str]


@dataclass(frozen=True)
class ResolvedColumn:
    """Kind `source` (text = the column's name in this file), `sql` or `value`, as in the mapping."""

    kind: str
    text: str


def resolve_columns(feed: Feed, source: Source, found: tuple[str, ...]) -> tuple[dict[str, ResolvedColumn], list[str]]:
    """The contract columns that this file can give, and the file's columns that nothing uses.

    Names are compared exactly, then without regard to case. Raises FileRefusedError that lists every column the mapping
    names and the file lacks; the message shows names of the mapping and near matches only, since a file without header
    would otherwise show a customer's data.
    """
    # Records that were refused by an earlier version may still have names in another form.
    by_name = {unicodedata.normalize("NFC", name).lower(): name for name in found}
    if source.columns is None:
        resolved = {name: ResolvedColumn("source", by_name[name]) for name in feed.columns if name in by_name}
        absent = [name for name, column in feed.columns.items() if column.required and name not in resolved]
        used = {column.text for column in resolved.values()}
    else:
        resolved, absent, used = {}, [], set()
        for name, mapping in source.columns.items():
            if mapping.kind == "source":
                wanted = [unicodedata.normalize("NFC", mapping.text.strip())]
                resolved[name] = ResolvedColumn("source", by_name.get(wanted[0].lower(), ""))
            else:
                wanted = list(columns_of_expression(mapping.text)) if mapping.kind == "sql" else []
                resolved[name] = ResolvedColumn(mapping.kind, mapping.text)
            absent += [column for column in wanted if column.lower() not in by_name]
            used |= {by_name[column.lower()] for column in wanted if column.lower() in by_name}
    if source.rows_where is not None:
        wanted = columns_of_expression(source.rows_where)
        absent += [column for column in wanted if column.lower() not in by_name]
        used |= {by_name[column.lower()] for column in wanted if column.lower() in by_name}
    if absent:
        raise FileRefusedError(_absent_message(list(dict.fromkeys(absent)), found))
    _check_not_repeated(used, found)
    return resolved, [name for name in found if name not in used]


def _check_not_repeated(used: set[str], found: tuple[str, ...]) -> None:
    for name in sorted(used):
        if any(_is_repetition(other, position, name) for position, other in enumerate(found, start=1)):
            raise FileRefusedError(
                f"it has the column {name} twice, so it is not clear which one is meant. Rename one."
            )


def _is_repetition(other: str, position: int, name: str) -> bool:
    """Whether a column is called so because `name` stood above it as well (`delimited.distinct_names`)."""
    added = other.lower().removeprefix(name.lower())
    return added != other.lower() and bool(re.fullmatch(f"(#{position})+", added))


def _absent_message(absent: list[str], found: tuple[str, ...]) -> str:
    parts = []
    for name in absent:
        near = difflib.get_close_matches(name.lower(), [other.lower() for other in found], n=1, cutoff=0.7)
        parts.append(f"{name} (did you mean {near[0]}?)" if near else name)
    columns = "column" if len(absent) == 1 else "columns"
    message = (
        f"it lacks the {columns} {', '.join(parts)}; it has {len(found)} columns. Correct `columns:` or the delivery."
    )
    if len(found) == 1:
        message += " A single column often means another delimiter: set `delimiter:`."
    return message
