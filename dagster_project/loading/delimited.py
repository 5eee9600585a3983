"""The structure of a delimited text file: where records begin and end.

Belongs here: counting records apart from the reader that parses them, telling a regular file (the engine reads it) from
an irregular one (read here, record by record), the header. Does not belong here: what the values mean (`checks`).

The engine's CSV reader is fast but has been seen to swallow records after an unclosed quote and to skip others without
a trace. So every file is counted by a second, simple method first; where the two disagree, `rewrite_records` decides.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dagster_project.loading.expressions import FILE_NUMBER_COLUMN, ORDER_ROW_NUMBER_COLUMN, ROW_NUMBER_COLUMN
from dagster_project.loading.formats import Dialect
from dagster_project.loading.refusals import FileRefusedError

CHUNK_BYTES = 4 << 20
# A single value this long is a file that has lost its line ends or its quotes, not data.
LONGEST_VALUE = 2_000_000
# A record is held in memory while it is read. Sixteen values of that length are no record that anybody wrote.
LONGEST_RECORD = 16 * LONGEST_VALUE
LONGEST_RECORD_KEPT = 20_000
NO_CHARACTER = re.compile("[\x00\ud800-\udfff]")
HEADER_PROBLEMS = {
    "broken_quoting": "its header has text after a closing quote, so its columns cannot be told. Double the quotes "
    "that stand inside a name, or set `quote:` and `escape:` to what the file uses.",
    "line_too_long": "its header has a name of more than 2,000,000 characters. Look for lost line ends.",
}
QUOTE, NEWLINE, RETURN = 0x22, 0x0A, 0x0D
INVISIBLE = " \t\r\n\v\f\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
INVISIBLE += "\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u202f\u205f\u2060"
INVISIBLE += "\u2066\u2067\u2068\u2069\u3000\ufeff\u061c"


@dataclass(frozen=True)
class Structure:
    """What a scan saw. `record_count` includes the header and holds only where `is_regular`.

    `is_regular`: quotes stand only around whole values, line ends are of one kind, no NUL. `ends_inside_quotes`: the
    last quote was never closed.
    """

    record_count: int
    is_regular: bool
    ends_inside_quotes: bool
    has_crlf: bool


def scan_structure(path: Path, delimiter: str, quote: str, escape: str) -> Structure:
    """Count the records of a UTF-8 file by the parity of its quotes; blank lines are no records."""
    scan = _Scan(delimiter.encode(), quote.encode(), escape.encode())
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            scan.read(chunk)
    return scan.finish()


class _Scan:
    """The state of a scan between chunks."""

    def __init__(self, delimiter: bytes, quote: bytes, escape: bytes) -> None:
        self.quote = quote[0] if quote else None
        self.foreign_escape = escape if escape and escape != quote else None
        self.before_opening = _byte_table(delimiter + b"\r\n" + quote)
        self.after_closing = _byte_table(delimiter + b"\r\n" + quote)
        self.inside = 0
        self.records = 0
        self.returns = self.crlf = self.crlf_ends = self.bare_ends = 0
        self.is_regular = True
        self.tail = b"\x00\n"
        self.last_was_closing = False
        self.is_first = True

    def read(self, chunk: bytes) -> None:
        if self.is_first and chunk.startswith(b"\xef\xbb\xbf"):
            chunk = chunk[3:]
        self.is_first = False
        if not chunk:
            return
        # The two bytes before the chunk stand in front of it, so that position p has its predecessors at p + 1 and p.
        padded = np.frombuffer(self.tail + chunk, dtype=np.uint8)
        values = padded[2:]
        newlines = values == NEWLINE
        if self.last_was_closing and not self.after_closing[values[0]]:
            self.is_regular = False
        self.last_was_closing = False
        if self.quote is not None and self.quote in chunk:
            quotes = values == self.quote
            inside = np.bitwise_xor.accumulate(quotes.view(np.uint8)) ^ self.inside
            self._check_quotes(np.flatnonzero(quotes), inside, padded)
            newlines &= inside == 0
            self.inside = int(inside[-1])
        elif self.inside:
            newlines[:] = False
        self._count_lines(chunk, np.flatnonzero(newlines), padded)
        if b"\x00" in chunk or (self.foreign_escape is not None and self.foreign_escape in chunk):
            self.is_regular = False
        self.tail = bytes(padded[-2:])

    def _check_quotes(self, positions: np.ndarray, inside: np.ndarray, padded: np.ndarray) -> None:
        is_opening = inside[positions] == 1
        opening, closing = positions[is_opening], positions[~is_opening]
        if not self.before_opening[padded[opening + 1]].all():
            self.is_regular = False
        last = len(padded) - 3
        self.last_was_closing = len(closing) > 0 and int(closing[-1]) == last
        followed = closing[:-1] if self.last_was_closing else closing
        if not self.after_closing[padded[followed + 3]].all():
            self.is_regular = False

    def _count_lines(self, chunk: bytes, positions: np.ndarray, padded: np.ndarray) -> None:
        returns = chunk.count(b"\r")
        self.returns += returns
        # Most files have none, and looking for two bytes takes longer than looking for one.
        self.crlf += chunk.count(b"\r\n") if returns else 0
        self.crlf += 1 if self.tail[-1] == RETURN and chunk[0] == NEWLINE else 0
        before, two_before = padded[positions + 1], padded[positions]
        after_return = int(np.count_nonzero(before == RETURN))
        self.crlf_ends += after_return
        self.bare_ends += len(positions) - after_return
        # A blank line: a newline right after another one, with at most a carriage return between.
        is_blank = (before == NEWLINE) | ((before == RETURN) & (two_before == NEWLINE))
        self.records += len(positions) - int(np.count_nonzero(is_blank))

    def finish(self) -> Structure:
        if self.tail[-1] not in (NEWLINE, RETURN):
            self.records += 1
        mixed = self.returns != self.crlf or (self.crlf_ends > 0 and self.bare_ends > 0)
        return Structure(
            record_count=self.records,
            is_regular=self.is_regular and not mixed,
            ends_inside_quotes=bool(self.inside),
            has_crlf=self.crlf_ends > 0,
        )


def _byte_table(allowed: bytes) -> np.ndarray:
    table = np.zeros(256, dtype=bool)
    table[list(allowed)] = True
    return table


def read_header(path: Path, delimiter: str, dialect: Dialect) -> list[str]:
    """The names of the columns of a UTF-8 file, cleaned.

    Without header their numbers (`column_1` ...) or the given names.

    A name that stands twice gets its position added, so that every column can be told from the others. Raises
    FileRefusedError where the first record is too long to be one, or a header breaks the quoting rules.
    """
    with _open_text(path) as file:
        records = _records(file, delimiter, dialect)
        first = next(records, [])
        if isinstance(first, _Unreadable) and dialect.header is True:
            raise FileRefusedError(HEADER_PROBLEMS[first.reason])
        if isinstance(first, _Unreadable):
            # Any other record tells how many columns there are.
            first = next((record for record in records if isinstance(record, list)), [])
    if isinstance(dialect.header, tuple):
        names = list(dialect.header)
    elif dialect.header:
        names = [name.strip(INVISIBLE) for name in first]
    else:
        names = []
    names += [""] * (len(first) - len(names))
    return distinct_names(names)


def distinct_names(names: list[str]) -> list[str]:
    """Column names that differ without regard to case: an empty one is `column_<n>`, a repeated one `<name>#<n>`.

    What is no character of any name (NUL, bytes in another encoding) is shown as such. Like values, names come in the
    composed form of Unicode (NFC).
    """
    seen = {ROW_NUMBER_COLUMN, ORDER_ROW_NUMBER_COLUMN, FILE_NUMBER_COLUMN}
    result = []
    for position, name in enumerate(names, start=1):
        unique = unicodedata.normalize("NFC", NO_CHARACTER.sub("\ufffd", name)) or f"column_{position}"
        while unique.lower() in seen:
            unique = f"{unique}#{position}"
        seen.add(unique.lower())
        result.append(unique)
    return result


def rewrite_records(
    path: Path, delimiter: str, dialect: Dialect, column_count: int, target: Path, broken_target: Path
) -> int:
    """Write the readable records of an irregular file to `target`: plain CSV, each with its number in front.

    Those that have no readable shape go to `broken_target` instead: number, the reason's code, and the text as read.
    Returns how many records the file has, the header not counted. Raises FileRefusedError where a quote is not closed,
    so that nobody can say where records end, and where a record is too long to be one.
    """
    number = 0
    with (
        _open_text(path) as file,
        target.open("w", encoding="utf-8", newline="") as output,
        # Every record of a large file may be broken, so they are not kept in memory.
        broken_target.open("w", encoding="utf-8", newline="") as broken_output,
    ):
        writer = csv.writer(output, quoting=csv.QUOTE_ALL, lineterminator="\n")
        broken_writer = csv.writer(broken_output, quoting=csv.QUOTE_ALL, lineterminator="\n")
        records = _records(file, delimiter, dialect)
        if dialect.header is True:
            next(records, None)
        for record in records:
            number += 1
            reason = _reason(record, column_count)
            if reason is None:
                writer.writerow([number, *record])
            else:
                text = record.text if isinstance(record, _Unreadable) else delimiter.join(record)
                shown = text[:LONGEST_RECORD_KEPT].encode("utf-8", "replace").decode()
                broken_writer.writerow([number, reason, shown.replace("\x00", "\ufffd")])
    return number


@dataclass(frozen=True)
class _Unreadable:
    reason: str
    text: str


def _reason(record: list[str] | _Unreadable, column_count: int) -> str | None:
    if isinstance(record, _Unreadable):
        return record.reason
    if len(record) < column_count:
        return "too_few_values"
    if len(record) > column_count:
        return "too_many_values"
    text = "".join(record)
    if "\x00" in text:
        return "unreadable_characters"
    # Bytes that are no UTF-8 were kept as lone surrogates.
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        return "unreadable_characters"
    return None


def _records(file: io.TextIOBase, delimiter: str, dialect: Dialect) -> Iterator[list[str] | _Unreadable]:
    """Records one by one; blank lines are none. A record that breaks the quoting rules comes as _Unreadable."""
    csv.field_size_limit(LONGEST_VALUE)
    lines = _Lines(file)
    own_escape = dialect.escape if dialect.escape and dialect.escape != dialect.quote else None
    reader = csv.reader(
        lines,
        delimiter=delimiter,
        quotechar=dialect.quote or None,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        doublequote=own_escape is None,
        escapechar=own_escape,
        strict=True,
    )
    while True:
        lines.begin_record()
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            text = "".join(lines.taken)
            if "field larger" in str(error):
                yield _Unreadable("line_too_long", text)
                continue
            if len(lines.taken) > 1 or "unexpected end" in str(error):
                raise FileRefusedError(
                    f"a quote opened in line {lines.count - len(lines.taken) + 1} is not closed, so it cannot be told "
                    "where records end. Close the quote, double quotes inside values, or set `quote:` and "
                    "`escape:` to what the file uses."
                ) from None
            yield _Unreadable("broken_quoting", text.rstrip("\r\n"))
            continue
        if record:
            yield record


class _Lines:
    """The lines of a file, remembering those that the record at hand took."""

    def __init__(self, file: io.TextIOBase) -> None:
        self.file = file
        self.taken: list[str] = []
        self.length = 0
        self.count = 0

    def __iter__(self) -> "_Lines":
        return self

    def begin_record(self) -> None:
        """Forget the lines of the record before."""
        self.taken.clear()
        self.length = 0

    def __next__(self) -> str:
        # One character more than a record may have tells that it is too long; the rest of the line is not read.
        line = self.file.readline(LONGEST_RECORD + 1)
        if not line:
            raise StopIteration
        self.count += 1
        self.taken.append(line)
        self.length += len(line)
        if self.length > LONGEST_RECORD:
            raise FileRefusedError(
                f"a record that begins in line {self.count - len(self.taken) + 1} is longer than {LONGEST_RECORD:,} "
                "characters. Look for lost line ends, or for quotes that do not close."
            )
        return line


def _open_text(path: Path) -> io.TextIOBase:
    return path.open("r", encoding="utf-8-sig", errors="surrogateescape", newline="")
