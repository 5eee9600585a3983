"""From a file as delivered to plain UTF-8 text: decompression, encodings, Excel.

Belongs here: streaming copies into a work folder. Does not belong here: records and columns (`delimited`, `landing`).
"""

import codecs
import csv
import datetime as dt
import gzip
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from dagster_project.loading.formats import COMPRESSED_SUFFIXES
from dagster_project.loading.refusals import FileRefusedError

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.cell.read_only import ReadOnlyCell
    from openpyxl.worksheet._read_only import ReadOnlyWorksheet

CHUNK_BYTES = 4 << 20
# A few bytes of zstd may stand for 128 KiB: small bites keep a file that was made to fill the memory from doing so.
ZSTD_INPUT_BYTES = 2048
# Text in extracts shrinks to a tenth, seldom to a fiftieth. A file that grows beyond both limits is made to fill the
# disk.
LARGEST_GROWTH = 200
ALWAYS_ALLOWED_BYTES = 1 << 30
# A row that says it stands further down would let the reader count empty rows without end.
LAST_ROW_OF_EXCEL = 1_048_576
# What a formula without a stored result is read as; programs that write formulas do not calculate them.
UNCALCULATED = "#UNCALCULATED!"
SPREADSHEET_ERRORS = ("#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!", "#CALC!")
SPREADSHEET_ERRORS += (UNCALCULATED,)
FORMULA = re.compile(rb"<(?:\w+:)?f[\s/>]")
UTF8_NAMES = ("utf-8", "utf-8-sig")
# UTF-32 first: its mark in little-endian begins with that of UTF-16.
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    codecs.BOM_UTF8: "utf-8",
}
OTHER_FORMATS = {
    b"PAR1": "Parquet",
    b"PK\x03\x04": "an Excel or zip archive",
    b"\x1f\x8b": "gzip (its name should end in .gz)",
    b"\x28\xb5\x2f\xfd": "zstd (its name should end in .zst)",
    b"%PDF": "PDF",
    b"\xd0\xcf\x11\xe0": "an old Excel file (.xls: save it as .xlsx)",
}


def to_plain_utf8(path: Path, encoding: str, work_dir: Path) -> Path:
    """The file as uncompressed UTF-8: itself where it is that already, otherwise a copy in `work_dir`.

    Raises FileRefusedError where the bytes are not of that encoding, or the compressed file is cut off.
    """
    start = _first_bytes(path)
    for mark, name in OTHER_FORMATS.items():
        if start.startswith(mark):
            raise FileRefusedError(f"it looks like {name}, not like text. Set `format:`, or correct the file's name.")
    # A byte order mark is no guess: the file says so itself.
    encoding = next((name for mark, name in BYTE_ORDER_MARKS.items() if start.startswith(mark)), encoding)
    is_compressed = path.suffix.lower() in COMPRESSED_SUFFIXES
    if encoding in UTF8_NAMES and not is_compressed:
        return path
    copy = work_dir / "plain.txt"
    with copy.open("wb") as target:
        for chunk in _decode(_read_chunks(path), encoding):
            target.write(chunk)
    return copy


def _first_bytes(path: Path) -> bytes:
    return next((chunk for chunk in _read_chunks(path) if chunk), b"")[:16]


def _read_chunks(path: Path) -> Iterator[bytes]:
    limit = largest_unpacked(path)
    done = 0
    for chunk in _zstd_chunks(path) if path.suffix.lower() == ".zst" else _file_chunks(path):
        done += len(chunk)
        if done > limit:
            raise too_large(limit)
        yield chunk


def largest_unpacked(path: Path) -> int:
    """How many bytes, or values, a file may stand for."""
    return max(ALWAYS_ALLOWED_BYTES, LARGEST_GROWTH * path.stat().st_size)


def too_large(limit: int) -> FileRefusedError:
    """The refusal of a file that stands for more."""
    return FileRefusedError(
        f"it unpacks to more than {limit // (1 << 20)} MiB, {LARGEST_GROWTH} times its size. "
        "If that is right, deliver it uncompressed."
    )


def _file_chunks(path: Path) -> Iterator[bytes]:
    try:
        with gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise FileRefusedError("its gzip compression is damaged or cut off. Deliver it again.") from None


def _decode(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    if encoding in UTF8_NAMES:
        yield from chunks
        return
    decoder = codecs.getincrementaldecoder(encoding)(errors="strict")
    try:
        for chunk in chunks:
            yield decoder.decode(chunk).encode("utf-8")
        yield decoder.decode(b"", final=True).encode("utf-8")
    except UnicodeError:
        raise FileRefusedError(
            f"it is not {encoding} throughout. Set `encoding:` to what the file is written in, "
            "such as utf-8, cp1252 or cp1256."
        ) from None


def _zstd_chunks(path: Path) -> Iterator[bytes]:
    # Imported here: only who delivers .zst files needs it at all.
    import zstandard

    message = "its zstd compression is damaged or cut off. Deliver it again."
    decompressor = zstandard.ZstdDecompressor()
    frame = decompressor.decompressobj()
    try:
        with path.open("rb") as file:
            while packed := file.read(ZSTD_INPUT_BYTES):
                while packed:
                    if frame.eof:
                        frame = decompressor.decompressobj()
                    yield frame.decompress(packed)
                    packed = frame.unused_data if frame.eof else b""
    except zstandard.ZstdError:
        raise FileRefusedError(message) from None
    # A stream reader would take a file that was cut off for a shorter one.
    if not frame.eof:
        raise FileRefusedError(message)


def excel_to_csv(path: Path, sheet: str | None, *, header: bool | tuple[str, ...], target: Path) -> None:
    """Write one sheet of a workbook as plain CSV, values as text: dates ISO, whole numbers without decimal point.

    A formula is its stored result, or UNCALCULATED. Empty rows are left out; a row is as long as the header (without
    one: as the longest row), or longer where it has values beyond it. Raises FileRefusedError where the file is no
    workbook or the sheet does not exist.
    """
    workbook, formulas = _open_workbook(path)
    try:
        if sheet is not None and sheet not in workbook.sheetnames:
            names = ", ".join(workbook.sheetnames)
            raise FileRefusedError(f"it has no sheet '{sheet}'. Its sheets are: {names}. Correct `sheet:`.")
        worksheet = workbook[sheet] if sheet is not None else workbook.worksheets[0]
        # What a sheet says of its own size may be out of date, and the reader would leave out what lies beyond.
        worksheet.reset_dimensions()
        formula_sheet = formulas[worksheet.title] if formulas is not None else None
        if formula_sheet is not None:
            formula_sheet.reset_dimensions()
        width = None if header is True else _width_without_header(worksheet, header or ())
        with target.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
            for row in _rows(worksheet, formula_sheet):
                texts = _without_empty_end([_cell_text(value) for value in row])
                if not texts:
                    continue
                if width is None:
                    width = len(texts)
                writer.writerow(texts + [""] * (width - len(texts)))
    finally:
        workbook.close()
        if formulas is not None:
            formulas.close()


def _open_workbook(path: Path) -> tuple["Workbook", "Workbook | None"]:
    """The workbook with the results of its formulas, and once more with the formulas themselves if it has any."""
    # Imported here: it takes a second, and most runs read no workbook.
    import openpyxl

    try:
        with zipfile.ZipFile(path) as archive:
            # What an entry says of its size is also the most that is read of it.
            unpacked = sum(entry.file_size for entry in archive.infolist())
            if unpacked > largest_unpacked(path):
                raise too_large(largest_unpacked(path))
            has_formulas = _has_formulas(archive)
        results = openpyxl.load_workbook(path, read_only=True, data_only=True)
        return results, openpyxl.load_workbook(path, read_only=True) if has_formulas else None
    except (
        zipfile.BadZipFile,
        KeyError,
        ValueError,
        OSError,
        EOFError,
        zlib.error,
        openpyxl.utils.exceptions.InvalidFileException,
    ):
        raise FileRefusedError("it is not a readable Excel workbook (.xlsx). Open it and save it again.") from None


def _has_formulas(archive: zipfile.ZipFile) -> bool:
    """Whether any sheet of a workbook holds a formula; most hold none, and need to be read only once."""
    for entry in archive.infolist():
        if not entry.filename.lower().endswith(".xml"):
            continue
        with archive.open(entry) as file:
            end = b""
            while chunk := file.read(CHUNK_BYTES):
                if FORMULA.search(end + chunk):
                    return True
                end = chunk[-100:]
    return False


def _rows(worksheet: "ReadOnlyWorksheet", formula_sheet: "ReadOnlyWorksheet | None" = None) -> Iterator[tuple]:
    """The values of each row, from the first row of the sheet on; each is as long as its own cells.

    `formula_sheet` is the same sheet read with formulas in place of their results, where it has any.
    """
    if formula_sheet is None:
        rows = worksheet.iter_rows(values_only=True)
    else:
        rows = map(_with_uncalculated, worksheet.iter_rows(), formula_sheet.iter_rows(values_only=True))
    for number, row in enumerate(rows, start=1):
        if number > LAST_ROW_OF_EXCEL:
            raise FileRefusedError(
                f"its sheet has rows beyond {LAST_ROW_OF_EXCEL:,}, the last that Excel knows. "
                "Open it and save it again, or deliver CSV."
            )
        yield row


def _with_uncalculated(cells: tuple["ReadOnlyCell", ...], formulas: tuple) -> tuple:
    """The values of a row's cells; a formula that has no result is UNCALCULATED (an empty text is a result)."""
    return tuple(
        UNCALCULATED if cell.value is None and formula is not None and cell.data_type == "n" else cell.value
        for cell, formula in zip(cells, formulas, strict=True)
    )


def _width_without_header(worksheet: "ReadOnlyWorksheet", names: tuple[str, ...]) -> int:
    return max(len(names), max((len(row) for row in _rows(worksheet)), default=0))


def _without_empty_end(texts: list[str]) -> list[str]:
    while texts and texts[-1] == "":
        texts.pop()
    return texts


def _cell_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    return str(value)
