"""Workbooks: what stands in a sheet is loaded as it is there, or told."""

# Moments in the lake are naive and mean UTC; digits and marks of other scripts are what is tested.
# ruff: noqa: DTZ001

import datetime as dt
import io
import re
import zipfile

import openpyxl
import pytest


def _workbook(home, rows):
    workbook = openpyxl.Workbook()
    workbook.active.title = "Export"
    for row in rows:
        workbook.active.append(row)
    workbook.create_sheet("Notes").append(["nothing"])
    path = home.root / "made.xlsx"
    workbook.save(path)
    return path.read_bytes()


def test_excel(home, load_orders):
    content = _workbook(
        home,
        [
            ["order_id", "ordered_at", "status", "order_amount"],
            [1, dt.datetime(2024, 5, 31, 14), "paid", 12.5],
            [None, None, None, None],
            [2.0, "01/06/2024", "paid", None],
        ],
    )
    load_orders(content, "    sheet: Export\n    timestamp_formats: ['%d/%m/%Y']\n", name="orders.xlsx")
    assert home.rows("orders", "order_id, ordered_at, order_amount::DOUBLE") == [
        ("1", dt.datetime(2024, 5, 31, 14), 12.5),
        ("2", dt.datetime(2024, 6, 1), None),
    ]


CELL = b'<c r="D2"[^>]*>.*?</c>'


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (b'<c r="D2"><f>C2&amp;1</f><v></v></c>', ["spreadsheet_error:channel"]),
        (b'<c r="D2"><f>C2&amp;1</f></c>', ["spreadsheet_error:channel"]),
        (b'<c r="D2" t="e"><f>VLOOKUP(1,F:G,2,0)</f><v>#N/A</v></c>', ["spreadsheet_error:channel"]),
        (b'<c r="D2" t="e"><v>#REF!</v></c>', ["spreadsheet_error:channel"]),
        (b'<c r="D2" t="str"><f>"we"&amp;"b"</f><v>web</v></c>', "web"),
        (b'<c r="D2" t="str"><f>""</f><v></v></c>', None),
        (b'<c r="D2"/>', None),
    ],
)
def test_excel_formula_is_its_stored_result_and_one_without_is_an_error(home, load_orders, cell, expected):
    rows = [["order_id", "ordered_at", "status", "channel"], ["1", "2024-05-31", "paid", "x"]]
    load_orders(_rewritten(_workbook(home, rows), CELL, cell.replace(b"\\", b"")), name="orders.xlsx")
    assert home.outcome("orders", "channel") == expected


def test_excel_formula_that_nobody_calculated_harms_only_what_uses_it(home, load_orders):
    rows = [
        ["order_id", "ordered_at", "status", "order_amount", "note"],
        ["1", "2024-05-31", "paid", 5, "=A2&1"],
        ["2", "2024-05-31", "paid", "=2*3", ""],
    ]
    load_orders(_workbook(home, rows), name="orders.xlsx")
    assert home.rows("orders", "order_id") == [("1",)]
    assert home.quarantined("orders") == [(2, ["spreadsheet_error:order_amount", "not_a_number:order_amount"])]
    (words,) = home.query(f"SELECT explanation FROM read_parquet('{home.settings.quarantine_dir}/orders/*.parquet')")
    assert "a formula that was never calculated (#UNCALCULATED!)" in words[0]


def _rewritten(workbook, pattern, replacement):
    """The workbook with other words in its first sheet."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook)) as source, zipfile.ZipFile(changed, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "xl/worksheets/sheet1.xml":
                content, count = re.subn(pattern, replacement, content)
                assert count == 1
            target.writestr(name, content)
    return changed.getvalue()


NAMES = ["order_id", "ordered_at", "status", "channel", "currency"]
NUMBERED = "{order_id: column_1, ordered_at: column_2, status: column_3, channel: column_4}"


@pytest.mark.parametrize("dimension", [b"A1", b"A1:D1", b"A1:B3", b"A1:Z99"])
@pytest.mark.parametrize(
    ("rows_above", "options"),
    [([NAMES], ""), ([], f"    header: {NAMES}\n"), ([], f"    header: false\n    columns: {NUMBERED}\n")],
    ids=["header", "names given", "no header"],
)
def test_excel_rows_beyond_the_size_that_the_sheet_states_are_loaded(home, load_orders, dimension, rows_above, options):
    rows = [["1", "2024-05-31", "paid"], ["2", "2024-06-01", "paid", "web"], [], ["3", "2024-06-02", "paid"]]
    workbook = _rewritten(
        _workbook(home, [*rows_above, *rows]), b'<dimension ref="[^"]*"', b'<dimension ref="%s"' % dimension
    )
    result = load_orders(workbook, options, name="orders.xlsx")
    assert (result.files[0].rows_accepted, result.files[0].rows_quarantined) == (3, 0)
    assert home.rows("orders", "order_id, channel, _source_row") == [("1", None, 1), ("2", "web", 2), ("3", None, 3)]


def test_excel_row_with_a_value_beyond_the_header_is_quarantined_whatever_size_the_sheet_states(home, load_orders):
    rows = [
        ["order_id", "ordered_at", "status"],
        ["1", "2024-05-31", "paid", None, "lost?"],
        ["2", "2024-06-01", "paid"],
    ]
    workbook = _rewritten(_workbook(home, rows), b'<dimension ref="[^"]*"', b'<dimension ref="A1:C3"')
    load_orders(workbook, name="orders.xlsx")
    assert home.quarantined("orders") == [(1, ["too_many_values"])]
    assert home.rows("orders", "order_id") == [("2",)]


def test_excel_row_numbered_beyond_the_last_of_excel_is_refused(home, load_orders):
    rows = [["order_id", "ordered_at", "status"], ["1", "2024-05-31", "paid"]]
    workbook = _rewritten(_workbook(home, rows), b'<row r="2"', b'<row r="99999999999"')
    assert "rows beyond 1,048,576" in load_orders(workbook, name="orders.xlsx").files[0].message


@pytest.mark.parametrize(
    ("options", "fragment"), [("    sheet: Exprot\n", "Its sheets are: Export, Notes"), ("    sheet: Notes\n", "lacks")]
)
def test_excel_sheet_that_does_not_fit_is_refused(home, load_orders, options, fragment):
    result = load_orders(_workbook(home, [["order_id", "ordered_at", "status"]]), options, name="orders.xlsx")
    assert fragment in result.files[0].message


def test_excel_that_is_none_is_refused(load_orders):
    assert "not a readable Excel workbook" in load_orders(b"not a zip", name="orders.xlsx").files[0].message
