"""Formats, dialects and broken files: nothing is lost, nothing is guessed, one bad file harms no other."""

# Moments in the lake are naive and mean UTC; digits and marks of other scripts are what is tested.
# ruff: noqa: DTZ001

import codecs
import datetime as dt
import gzip
import io
import os
import zipfile

import duckdb
import pytest
import zstandard

from dagster_project.loading import plain_text

HEADER = "order_id,ordered_at,status,channel\n"
GOOD = f"{HEADER}1,2024-05-31,paid,web\n2,2024-06-01,paid,shop\n"
IDS = [("1",), ("2",)]


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (GOOD, ""),
        (GOOD.rstrip("\n"), ""),
        (GOOD.replace("\n", "\r\n"), ""),
        (GOOD.replace("\n", "\r"), ""),
        (GOOD.replace("\n", "\r\n", 1), ""),
        (GOOD.replace("\n", "\n\n"), ""),
        ("\n\n" + GOOD, ""),
        (GOOD.replace("\n", "\r\n\r\n"), ""),
        (GOOD.encode("utf-8-sig"), ""),
        (GOOD.encode("utf-8-sig"), "    encoding: utf-8\n"),
        (GOOD.encode("utf-8-sig"), "    encoding: cp1252\n"),
        (GOOD.encode("utf-16"), ""),
        (GOOD.encode("utf-32"), ""),
        (codecs.BOM_UTF32_BE + GOOD.encode("utf-32-be"), "    encoding: cp1252\n"),
        (GOOD.encode("utf-16-le"), "    encoding: utf-16-le\n"),
        (GOOD.replace(",", ";"), "    delimiter: ';'\n"),
        (GOOD.replace(",", "\t"), "    delimiter: tab\n"),
        (GOOD.replace(",", "|"), "    delimiter: '|'\n"),
        (GOOD.replace("web", "'w,e''b'"), '    quote: "\'"\n'),
        (GOOD.replace("web", '"w\\"e,b"'), "    escape: '\\'\n"),
        (GOOD.replace("web", 'a 5" screen'), ""),
        (GOOD.replace("web", '"one\n\ntwo"'), ""),
        (GOOD.replace("web", '"say ""hi"""'), ""),
        (GOOD.replace(HEADER, ""), "    header: [order_id, ordered_at, status, channel]\n"),
        (GOOD.replace("order_id", " Order_ID "), ""),
    ],
)
def test_csv_in_its_dialects(home, load_orders, content, options):
    result = load_orders(content, options)
    assert [(file.status, file.rows_read, file.rows_accepted) for file in result.files] == [("loaded", 2, 2)]
    assert home.rows("orders", "order_id") == IDS


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ('"one\r\n\r\ntwo"', "one\r\n\r\ntwo"),
        ('"a ""quoted"" word"', 'a "quoted" word'),
        ("سلام، خوب", "سلام، خوب"),
        ("😀 a\u0301", "😀 a\u0301"),
        ('"  spaces stay  "', "  spaces stay  "),
        ("<script>", "<script>"),
        ("'; DROP TABLE x --", "'; DROP TABLE x --"),
        ("=1+1", "=1+1"),
    ],
)
def test_free_text_arrives_as_it_was_written(home, text, written):
    home.put("answers.csv", f"response_id,comment\n1,{text}\n")
    home.map("name: shop\nsources:\n  - {name: answers, feed: survey_responses, files: answers.csv}\n")
    home.load()
    assert home.rows("survey_responses", "comment") == [(written,)]


@pytest.mark.parametrize(
    ("encoding", "word"), [("cp1252", "Straße €"), ("cp1256", "طهران"), ("iso-8859-9", "İzmir"), ("cp932", "東京")]
)
def test_other_encodings(home, load_orders, encoding, word):
    load_orders(GOOD.replace("web", word).encode(encoding), f"    encoding: {encoding}\n")
    assert home.rows("orders", "channel")[0] == (word,)


def test_a_byte_order_mark_wins_over_the_encoding_that_is_said(home, load_orders):
    load_orders(GOOD.replace("web", "Straße").encode("utf-8-sig"), "    encoding: cp1252\n")
    assert home.rows("orders", "order_id, channel")[0] == ("1", "Straße")


COMPOSED, APART = "Größe", "Gro\u0308ße"


@pytest.mark.parametrize("in_file", [COMPOSED, APART])
@pytest.mark.parametrize("in_mapping", [COMPOSED, APART])
@pytest.mark.parametrize("channel", ["{}", "{{sql: upper({})}}", "{{sql: '\"{}\"'}}"])
@pytest.mark.parametrize("suffix", ["csv", "ndjson"])
def test_names_are_the_same_whichever_way_their_accents_are_written(home, in_file, in_mapping, channel, suffix):
    csv = f"id,{in_file},date\n1,S,2024-05-31\n"
    ndjson = f'{{"id": 1, "{in_file}": "S", "date": "2024-05-31"}}\n'
    home.put(f"{in_file}/orders_{in_file}.{suffix}", csv if suffix == "csv" else ndjson)
    columns = f"{{order_id: id, ordered_at: date, status: {{value: paid}}, channel: {channel.format(in_mapping)}}}"
    files = f"{in_mapping}/*_{in_mapping}*.*"
    home.map(f"name: shop\nsources:\n  - {{name: orders, feed: orders, files: '{files}', columns: {columns}}}\n")
    assert home.load().files[0].status == "loaded"
    assert home.rows("orders", "channel") == [("S",)]


@pytest.mark.parametrize("word", [COMPOSED, APART])
def test_a_text_of_an_expression_is_compared_as_it_is_written(home, load_orders, word):
    columns = "{order_id: id, ordered_at: date, status: {value: paid}}"
    lines = f"id,date,kind\n1,2024-05-31,{word}\n"
    load_orders(lines, f"    rows_where: \"kind = '{word}'\"\n    columns: {columns}\n")
    assert home.rows("orders", "order_id") == [("1",)]


@pytest.mark.parametrize("other", ["Order#", "Order#2", "Order#5a", "order#"])
def test_a_column_with_a_number_sign_is_another_column(home, load_orders, other):
    columns = "    columns: {order_id: Order, ordered_at: date, status: {value: paid}}\n"
    load_orders(f"Order,date,{other}\n1,2024-05-31,x\n", columns)
    assert home.rows("orders", "order_id") == [("1",)]


@pytest.mark.parametrize("header", ["Order,date,Order", "Order#3,date,Order,ORDER"])
def test_a_column_that_is_there_twice_is_refused_where_it_is_used(load_orders, header):
    columns = "    columns: {order_id: Order, ordered_at: date, status: {value: paid}}\n"
    result = load_orders(f"{header}\n1,2024-05-31,x{',y' * (header.count(',') - 2)}\n", columns)
    assert "it has the column Order twice" in result.files[0].message


def test_a_broken_first_record_of_a_file_without_header_is_quarantined(home, load_orders):
    lines = 'x,2024-05-31,"pa"id,web\n1,2024-05-31,paid,web\n'
    columns = "{order_id: column_1, ordered_at: column_2, status: column_3}"
    load_orders(lines, f"    header: false\n    columns: {columns}\n")
    assert home.rows("orders", "order_id") == [("1",)]
    assert home.quarantined("orders") == [(1, ["broken_quoting"])]


def test_a_file_in_another_encoding_than_said_is_refused(load_orders):
    result = load_orders(GOOD.replace("web", "\u0081").encode("latin-1"), "    encoding: cp1252\n")
    assert result.files[0].status == "refused"
    assert "Set `encoding:`" in result.files[0].message


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"x,2024-05-31", "too_few_values"),
        (b"x,2024-05-31,paid,web,more", "too_many_values"),
        (b'x,2024-05-31,paid,"we"b', "broken_quoting"),
        (b"x,2024-05-31,paid,caf\xe9", "unreadable_characters"),
        (b"x,2024-05-31,paid,a\x00b", "unreadable_characters"),
        (b"x,2024-05-31,paid," + b"a" * 5_000_000, "line_too_long"),
    ],
)
def test_a_broken_line_is_quarantined_and_the_others_are_loaded(home, load_orders, line, reason):
    result = load_orders(HEADER.encode() + b"1,2024-05-31,paid,web\n" + line + b"\n2,2024-06-01,paid,shop\n")
    assert (result.files[0].rows_read, result.files[0].rows_accepted, result.files[0].reasons) == (3, 2, {reason: 1})
    assert home.rows("orders", "order_id, _source_row") == [("1", 1), ("2", 3)]
    assert home.quarantined("orders") == [(2, [reason])]


@pytest.mark.parametrize(
    ("content", "fragment"),
    [
        (b"", "0 bytes"),
        (b"\n\n", "no header"),
        (b'order_id,ordered_at,"sta"tus\n1,2024-05-31,paid\n', "its header has text after a closing quote"),
        (
            b"order_id,ordered_at,status," + b"a" * 2_100_000 + b"\n1,2024-05-31,paid,x\n",
            "a name of more than 2,000,000",
        ),
        (b'order_id,ordered_at,status\n1,2024-05-31,"paid\n2,2024-05-31,paid\n', "line 2 is not closed"),
        (b'order_id,ordered_at,status\n1,2024-05-31,"paid\n2,2024-05-31,"paid"\n', "is not closed"),
        (b"order_id,orderd_at,status\n1,2024-05-31,paid\n", "ordered_at (did you mean orderd_at?)"),
        (b"1,2024-05-31,paid\n2,2024-05-31,paid\n", "it lacks the columns order_id, ordered_at, status"),
        (b"order_id;ordered_at;status\n1;2024-05-31;paid\n", "set `delimiter:`"),
        (b"order_id,order_id,ordered_at,status\n1,2,2024-05-31,paid\n", "twice"),
        (b"PAR1 not really", "looks like Parquet"),
        (gzip.compress(GOOD.encode()), "looks like gzip"),
        (b"PK\x03\x04zip", "zip archive"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_and_harms_no_other(home, content, fragment):
    home.put("a_broken.csv", content)
    home.put("b_good.csv", GOOD)
    home.map("name: shop\nsources:\n  - {name: orders, feed: orders, files: '*.csv'}\n")
    broken, good = home.load().files
    assert broken.status == "refused"
    assert fragment in broken.message
    assert "a_broken.csv" in broken.message
    assert (good.status, good.rows_accepted) == ("loaded", 2)


def test_a_message_about_a_missing_header_shows_no_data(load_orders):
    result = load_orders("Maria Silva,2024-05-31,paid\n")
    assert "Maria" not in result.files[0].message


def test_header_without_rows_is_loaded_with_none(home, load_orders):
    result = load_orders(HEADER)
    assert (result.files[0].status, result.files[0].rows_read) == ("loaded", 0)
    assert home.rows("orders") == []


@pytest.mark.parametrize("name", ["orders.csv.gz", "orders.tsv.gz"])
def test_gzip(home, load_orders, name):
    text = GOOD if "csv" in name else GOOD.replace(",", "\t")
    load_orders(gzip.compress(text.encode()), name=name)
    assert home.rows("orders", "order_id") == IDS


def test_gzip_that_is_cut_off_is_refused(load_orders):
    result = load_orders(gzip.compress(os.urandom(5000).hex().encode())[:-200], name="orders.csv.gz")
    assert "damaged or cut off" in result.files[0].message


@pytest.mark.parametrize("suffix", [".csv.gz", ".csv.zst", ".xlsx"])
def test_a_file_that_unpacks_to_far_more_than_it_is_is_refused(load_orders, monkeypatch, suffix):
    monkeypatch.setattr(plain_text, "ALWAYS_ALLOWED_BYTES", 1 << 20)
    bomb = b"\x00" * (30 << 20)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("xl/worksheets/sheet1.xml", bomb)
    packed = {".csv.gz": gzip.compress(bomb), ".csv.zst": zstandard.compress(bomb), ".xlsx": archive.getvalue()}[suffix]
    result = load_orders(packed, name=f"orders{suffix}")
    assert result.files[0].status == "refused"
    assert "it unpacks to more than" in result.files[0].message


def test_zstd(home, load_orders):
    half = len(GOOD) // 2
    frames = zstandard.compress(GOOD[:half].encode()) + zstandard.compress(GOOD[half:].encode())
    load_orders(frames, name="orders.csv.zst")
    assert home.rows("orders", "order_id") == IDS


@pytest.mark.parametrize("cut", [1, 200, 20_000])
def test_zstd_that_is_cut_off_is_refused(load_orders, cut):
    packed = zstandard.compress((GOOD + os.urandom(200_000).hex()).encode())
    result = load_orders(packed[:-cut], name="orders.csv.zst")
    assert "damaged or cut off" in result.files[0].message


def test_ndjson(home, load_orders):
    result = load_orders(
        '{"order_id": 1, "ordered_at": "2024-05-31T10:00:00Z", "status": "paid", "channel": "a\\nb"}\n'
        "not json\n\n"
        '{"order_id": "2", "status": "paid", "ordered_at": "2024-06-01", "extra": {"a": [1]}}\n'
        "[1]\n"
        '{"order_id": null, "status": "paid", "ordered_at": "2024-06-01"}\n',
        name="orders.ndjson",
    )
    assert home.rows("orders", "order_id, channel, _source_row") == [("1", "a\nb", 1), ("2", None, 3)]
    assert home.quarantined("orders") == [
        (2, ["not_a_json_object"]),
        (4, ["not_a_json_object"]),
        (5, ["missing:order_id"]),
    ]
    assert result.files[0].columns_unmapped == ("extra",)


def test_parquet(home, load_orders):
    path = home.root / "made.parquet"
    duckdb.connect().sql(
        "SELECT 1::BIGINT AS order_id, TIMESTAMPTZ '2024-05-31 12:00:00+02' AS ordered_at, 'paid' AS status, "
        "12.5::DOUBLE AS order_amount UNION ALL SELECT 2, TIMESTAMPTZ '2024-06-01 00:00:00+00', 'paid', 'nan'::DOUBLE"
    ).write_parquet(str(path))
    load_orders(path.read_bytes(), "    decimal_mark: ','\n" * 0, name="orders.parquet")
    assert home.rows("orders", "order_id, ordered_at, order_amount::DOUBLE") == [
        ("1", dt.datetime(2024, 5, 31, 10), 12.5)
    ]
    assert home.quarantined("orders") == [(2, ["out_of_range:order_amount"])]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("17850::DOUBLE", "17850"),
        ("17850::FLOAT", "17850"),
        ("-0.0::DOUBLE", "0"),
        ("17850.5::DOUBLE", "17850.5"),
        ("9007199254740992::DOUBLE", "9007199254740992"),
        ("17850::DECIMAL(38,10)", "17850"),
        ("17850.50::DECIMAL(10,2)", "17850.50"),
        ("17850::DECIMAL(10,0)", "17850"),
        ("'nan'::DOUBLE", None),
        ("NULL::DOUBLE", None),
    ],
)
def test_an_id_that_parquet_holds_as_a_number_is_written_as_anywhere_else(home, load_orders, value, written):
    path = home.root / "made.parquet"
    query = f"SELECT '1' AS order_id, {value} AS customer_id, DATE '2024-05-31' AS ordered_at, 'paid' AS status"
    duckdb.connect().sql(query).write_parquet(str(path))
    load_orders(path.read_bytes(), name="orders.parquet")
    assert home.rows("orders", "order_id, customer_id") == [("1", written)]


def test_parquet_that_is_cut_off_is_refused(home, load_orders):
    path = home.root / "made.parquet"
    duckdb.connect().sql("SELECT range AS order_id FROM range(1000)").write_parquet(str(path))
    result = load_orders(path.read_bytes()[:-20], name="orders.parquet")
    assert "not a readable Parquet file" in result.files[0].message


def test_a_suffix_that_tells_nothing_is_refused_unless_the_format_is_named(home, load_orders):
    assert "Set `format:`" in load_orders(GOOD, name="orders.dat").files[0].message
    assert load_orders(GOOD, "    format: csv\n", name="orders.dat").files[0].status == "loaded"


def test_links_out_of_the_folder_and_unreadable_files_are_refused(home):
    outside = home.root / "secret.csv"
    outside.write_text(GOOD)
    (home.root / "extracts" / "a_link.csv").symlink_to(outside)
    (home.root / "extracts" / "b_gone.csv").symlink_to(home.root / "nothing.csv")
    (home.root / "extracts" / "c_loop.csv").symlink_to(home.root / "extracts" / "c_loop.csv")
    home.put("d_good.csv", GOOD)
    home.map("name: shop\nsources:\n  - {name: orders, feed: orders, files: '*.csv'}\n")
    result = home.load()
    assert [file.status for file in result.files] == ["refused", "refused", "refused", "loaded"]
    assert "outside the extracts folder" in result.files[0].message


def test_every_value_of_many_rows_survives(home, load_orders):
    """Quotes, newlines and delimiters at random places, across the boundaries of what is read at once."""
    pieces = ["a", '"', ",", "\n", "\r\n", "é", " ", "'", ";"]
    texts = ["".join(pieces[(i * k) % len(pieces)] for k in range(1, i % 7 + 2)) for i in range(20_000)]
    lines = [f'{i},2024-05-31,paid,"{text.replace(chr(34), chr(34) * 2)}"' for i, text in enumerate(texts)]
    result = load_orders(HEADER + "\n".join(lines))
    assert result.files[0].rows_accepted == len(texts)
    loaded = home.rows("orders", "channel, order_id, _source_row")
    marks = " \t\r\n"
    assert [row[0] for row in loaded] == [text.strip(marks) or None for text in texts]
    assert [int(row[1]) + 1 for row in loaded] == [row[2] for row in loaded]
