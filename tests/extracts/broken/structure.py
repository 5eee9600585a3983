"""Files whose records, bytes or packing are broken, and files whose columns are not the agreed ones."""

import gzip
import io
import random
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import openpyxl
import zstandard

from tests.extracts.broken.case import ORDERS, Case, refused

GOOD = f"{ORDERS}1,2024-05-31,paid,5,web\n2,2024-06-01,paid,6,shop\n"
TWO_GOOD = {"read": 2, "accepted": 2, "values": ("order_id", ["1", "2"])}
NOISE = random.Random(4).randbytes(20_000)  # noqa: S311


def _between(line: bytes) -> bytes:
    first, second = GOOD.encode().splitlines(keepends=True)[1:]
    return ORDERS.encode() + first + line + b"\n" + second


def _broken_line(name: str, line: bytes, reason: str) -> Case:
    return Case(name, _between(line), read=3, accepted=2, reasons={reason: 1}, values=("order_id", ["1", "2"]))


def _parquet(query: str, end: int | None = None) -> Callable[[], bytes]:
    def content() -> bytes:
        with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
            path = Path(folder) / "made.parquet"
            connection.execute(f"COPY ({query}) TO '{path}'")
            return path.read_bytes()[:end]

    return content


def _workbook(rows: list[list], end: int | None = None, damage: bytes | None = None) -> Callable[[], bytes]:
    def content() -> bytes:
        workbook = openpyxl.Workbook()
        for row in rows:
            workbook.active.append(row)
        buffer = io.BytesIO()
        workbook.save(buffer)
        return (_without(buffer, damage) if damage is not None else buffer.getvalue())[:end]

    return content


def _without(archive: io.BytesIO, text: bytes) -> bytes:
    """The archive, packed anew without a text that stood in its files."""
    damaged = io.BytesIO()
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(damaged, "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name).replace(text, b""))
    return damaged.getvalue()


ONE_ORDER = "SELECT '1' AS order_id, '2024-05-31' AS ordered_at, 'paid' AS status"
ORDER_ROWS = [["order_id", "ordered_at", "status"], ["1", "2024-05-31", "paid"]]
NDJSON = {"suffix": ".ndjson"}
ORDER_LINE = '{"order_id": "1", "ordered_at": "2024-05-31", "status": "paid"}\n'

STRUCTURE = [
    refused("empty_file", b"", "0 bytes"),
    refused("empty_parquet", b"", "0 bytes", suffix=".parquet"),
    refused("empty_workbook", b"", "0 bytes", suffix=".xlsx"),
    refused("blank_lines_only", "\n\r\n\n", "no header"),
    refused("byte_order_mark_only", b"\xef\xbb\xbf", "no header"),
    refused("empty_gzip", gzip.compress(b""), "no header", suffix=".csv.gz"),
    Case("header_only", ORDERS),
    Case("header_without_line_end", ORDERS.rstrip()),
    refused("no_header", "1,2024-05-31,paid,5,web\n2,2024-06-01,paid,6,shop\n", "it lacks the columns"),
    refused("no_delimiter_anywhere", "order_id ordered_at status\n1 2024-05-31 paid\n", "set `delimiter:`"),
    _broken_line("ragged_short", b"x,2024-05-31,paid", "too_few_values"),
    _broken_line("ragged_long", b"x,2024-05-31,paid,5,web,more", "too_many_values"),
    _broken_line("ragged_unquoted_comma", b"x,2024-05-31,paid,1,234,web", "too_many_values"),
    _broken_line("one_word_line", b"Total", "too_few_values"),
    refused("unclosed_quote", GOOD.replace("web", '"web'), "line 2 is not closed"),
    refused("unclosed_quote_in_last_line", GOOD.replace("shop", '"shop'), "line 3 is not closed"),
    refused("text_after_quote_in_header", GOOD.replace("channel", '"chan"nel'), "its header has text after a closing"),
    refused("unclosed_quote_in_header", GOOD.replace("channel", '"channel'), "not closed"),
    _broken_line("text_after_quote", b'x,2024-05-31,paid,5,"we"b', "broken_quoting"),
    _broken_line("nul_byte", b"x,2024-05-31,paid,5,a\x00b", "unreadable_characters"),
    Case("nul_bytes_at_the_end", GOOD.encode() + b"\x00" * 64, read=3, accepted=2, reasons={"too_few_values": 1}),
    _broken_line("bytes_that_are_no_utf8", b"x,2024-05-31,paid,5,caf\xe9", "unreadable_characters"),
    _broken_line("surrogate_in_utf8", b"x,2024-05-31,paid,5,\xed\xa0\x80", "unreadable_characters"),
    _broken_line("line_of_10_megabytes", b"x,2024-05-31,paid,5," + b"a" * 10_000_000, "line_too_long"),
    refused("header_of_100000_columns", "a," * 100_000 + "\n" + "1," * 100_000, "100,001 columns"),
    Case("mixed_line_ends", GOOD.replace("\n", "\r\n", 2), **TWO_GOOD),
    Case("old_mac_line_ends", GOOD.replace("\n", "\r"), **TWO_GOOD),
    Case("blank_lines_between", GOOD.replace("\n", "\n\n"), **TWO_GOOD),
    Case("no_line_end_at_the_end", GOOD.rstrip(), **TWO_GOOD),
    Case("byte_order_mark", GOOD.encode("utf-8-sig"), **TWO_GOOD),
    refused("truncated_gzip", gzip.compress(NOISE)[:-500], "damaged or cut off", suffix=".csv.gz"),
    refused("gzip_with_a_flipped_byte", gzip.compress(GOOD.encode())[:-6] + b"\x00" * 6, "damaged", suffix=".csv.gz"),
    refused("gzip_that_is_none", GOOD, "damaged or cut off", suffix=".csv.gz"),
    refused("truncated_zstd", zstandard.compress(NOISE)[:-500], "damaged or cut off", suffix=".csv.zst"),
    refused("zstd_that_is_none", GOOD, "damaged or cut off", suffix=".csv.zst"),
    refused("truncated_parquet", _parquet(ONE_ORDER, -20), "not a readable Parquet file", suffix=".parquet"),
    refused("parquet_head_only", _parquet(ONE_ORDER, 100), "not a readable Parquet file", suffix=".parquet"),
    refused("parquet_without_columns_we_know", _parquet("SELECT 1 AS a"), "it lacks the columns", suffix=".parquet"),
    refused("truncated_workbook", _workbook(ORDER_ROWS, -800), "not a readable Excel workbook", suffix=".xlsx"),
    refused("workbook_with_damaged_sheet", _workbook(ORDER_ROWS, damage=b"<sheetData>"), "cannot be read",
            suffix=".xlsx"),
    refused("workbook_without_rows", _workbook([]), "no header", suffix=".xlsx"),
    refused("csv_named_parquet", GOOD, "not a readable Parquet file", suffix=".parquet"),
    refused("csv_named_workbook", GOOD, "not a readable Excel workbook", suffix=".xlsx"),
    refused("parquet_named_csv", _parquet(ONE_ORDER), "looks like Parquet"),
    refused("workbook_named_csv", _workbook(ORDER_ROWS), "looks like an Excel"),
    refused("gzip_named_csv", gzip.compress(GOOD.encode()), "looks like gzip"),
    refused("pdf_named_csv", b"%PDF-1.7 ...", "looks like PDF"),
    refused("suffix_that_says_nothing", GOOD, "Set `format:`", suffix=".dat"),
    Case("json_lines_that_are_none", f"{ORDER_LINE}not json\n[1]\n3\n{ORDER_LINE[:-3]}\n", read=5, accepted=1,
         reasons={"not_a_json_object": 4}, **NDJSON),
    refused("json_only_of_arrays", "[1]\n[2]\n", "no line of it is a JSON object", **NDJSON),
    refused("json_of_5000_keys", "{" + ",".join(f'"{number}":1' for number in range(5000)) + "}", "5,000 columns",
            **NDJSON),
    refused("json_keys_by_case_only", '{"order_id": 1, "Order_ID": 2}\n', "upper and lower case", **NDJSON),
    Case("json_nested_deeply", ORDER_LINE.replace("}", ', "x": ' + "[" * 3000 + "]" * 3000 + "}"), read=1,
         accepted=1, values=("order_id", ["1"]), **NDJSON),
    Case("json_with_a_column_named_as_ours", ORDER_LINE.replace("}", ', "source_row_number": 7}'), read=1, accepted=1,
         values=("_source_row", [1]), **NDJSON),
    Case("parquet_with_a_column_named_as_ours", _parquet(f"{ONE_ORDER}, 9 AS source_file_number"), read=1, accepted=1,
         values=("_source_row", [1]), suffix=".parquet"),
    refused("still_growing", None, "changed while it was being read"),
    refused("link_out_of_the_folder", None, "outside the extracts folder"),
    refused("link_to_nothing", None, "does not exist"),
    refused("link_to_itself", None, "back to itself"),
    refused("unreadable", None, "cannot be read"),
    refused("pipe_instead_of_file", None, "not a regular file"),
    Case("name_with_pattern_characters_[1]{a}", GOOD, **TWO_GOOD),
    Case("name_with_'quotes'; DROP TABLE orders", f"{GOOD}3,2024-06-01,paid,6,shop\n", read=3, accepted=3),
]  # fmt: skip

DRIFT = [
    Case("added_column", GOOD.replace("channel", "channel,extra").replace("web", "web,1").replace("shop", "shop,2"),
         **TWO_GOOD),
    Case("added_column_without_a_name", GOOD.replace("\n", ",\n"), **TWO_GOOD),
    Case("missing_optional_column", GOOD.replace(",channel", "").replace(",web", "").replace(",shop", ""), **TWO_GOOD),
    refused("missing_required_column", "order_id,status\n1,paid\n", "it lacks the column ordered_at"),
    refused("renamed_column", GOOD.replace("ordered_at", "order_at"), "ordered_at (did you mean order_at?)"),
    refused("missing_column_of_an_expression", GOOD, "it lacks the column Country",
            options={"columns": {"order_id": "order_id", "ordered_at": "ordered_at", "status": {"sql": '"Country"'}}}),
    Case("reordered_columns", "status,order_id,ordered_at\npaid,1,2024-05-31\npaid,2,2024-06-01\n", **TWO_GOOD),
    Case("column_in_capitals", GOOD.replace("order_id", " ORDER_ID "), **TWO_GOOD),
    Case("header_in_another_encoding", GOOD.replace("channel", "Straße").encode("cp1252"), **TWO_GOOD),
    refused("required_column_in_another_encoding", GOOD.replace("status", "Größe").encode("cp1252"), "status"),
    refused("column_twice", GOOD.replace("channel", "order_id"), "twice"),
    Case("unused_column_twice", GOOD.replace("\n", ",x\n").replace("channel,x", "x,x"), **TWO_GOOD),
    Case("amount_became_text", GOOD.replace(",5,", ",five,"), read=2, accepted=1,
         reasons={"not_a_number:order_amount": 1}),
    Case("timestamp_became_a_day_count", GOOD.replace("2024-05-31", "45443").replace("2024-06-01", "45444"), read=2,
         reasons={"not_a_timestamp:ordered_at": 2}),
    Case("id_became_a_number", _parquet("SELECT range + 1 AS order_id, DATE '2024-05-31' AS ordered_at, "
         "'paid' AS status FROM range(2)"), suffix=".parquet", **TWO_GOOD),
    Case("id_became_a_float", _parquet("SELECT unnest([1.0, NULL]::DOUBLE[]) AS order_id, "
         "TIMESTAMP '2024-05-31' AS ordered_at, 'paid' AS status"), read=2, accepted=1, reasons={"missing:order_id": 1},
         values=("order_id", ["1"]), suffix=".parquet"),
    Case("amount_became_a_list", _parquet(f"{ONE_ORDER}, [1, 2] AS order_amount"), read=1,
         reasons={"not_a_number:order_amount": 1}, suffix=".parquet"),
    refused("changed_delimiter", GOOD.replace(",", ";"), "set `delimiter:`"),
    Case("changed_quote", GOOD.replace("web", "'we,b'"), read=2, accepted=1, reasons={"too_many_values": 1}),
    refused("changed_encoding_to_utf16_without_mark", GOOD.encode("utf-16-le"), "it lacks the columns"),
    Case("changed_encoding_to_utf16", GOOD.encode("utf-16"), **TWO_GOOD),
    Case("changed_encoding_to_cp1252", GOOD.replace("web", "Köln").encode("cp1252"), read=2, accepted=1,
         reasons={"unreadable_characters": 1}),
    refused("changed_encoding_from_cp1252", GOOD.replace("web", "\x81").encode("latin-1"), "Set `encoding:`",
            options={"encoding": "cp1252"}),
    Case("changed_decimal_mark", GOOD.replace(",5,", ',"5,50",'), read=2, accepted=1,
         reasons={"not_a_number:order_amount": 1}),
    Case("decimal_point_where_comma_was_agreed", GOOD.replace(",5,", ",5.50,"), read=2, accepted=1,
         reasons={"not_a_number:order_amount": 1}, options={"decimal_mark": ","}),
]  # fmt: skip
