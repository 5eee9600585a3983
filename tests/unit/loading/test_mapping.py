"""The mapping file: what is wrong is named with its line and a fix, all at once, before anything is read."""

import datetime as dt
import time
from pathlib import Path

import pytest

from dagster_project.loading.expressions import ExpressionError, columns_of_expression
from dagster_project.loading.mapping import NEVER_EXPECTED, ColumnMapping, MappingError, load_config

COLUMNS = "{order_id: a, ordered_at: b, status: {value: done}}"


def _load(tmp_path: Path, text: str):
    path = tmp_path / "extracts.yml"
    path.write_text(text, encoding="utf-8")
    return load_config(path)


def _problems(tmp_path: Path, text: str) -> str:
    with pytest.raises(MappingError) as caught:
        _load(tmp_path, text)
    return str(caught.value)


def test_a_mapping_is_read_whole(tmp_path):
    config = _load(
        tmp_path,
        "name: my_shop\n"
        "reporting: {reporting_time_zone: Asia/Tehran, as_of_date: 2024-06-01, activity_windows: [30, 365], "
        "clv_lifespan_cap_years: null}\n"
        "defaults: {time_zone: Asia/Tehran, encoding: cp1256, currency: irr}\n"
        "sources:\n"
        f"  - {{name: a, feed: orders, files: 'x/*.csv', columns: {COLUMNS}, mode: snapshot, "
        f"value_maps: {{status: {{Yes: no, 1: null}}}}}}\n"
        "  - {name: b, feed: orders, files: y.csv, encoding: utf-8, currency: USD}\n",
    )
    assert config.name == "my_shop"
    assert config.variables == {
        "reporting_time_zone": "Asia/Tehran",
        "as_of_date": "2024-06-01",
        "activity_windows": [30, 365],
        "clv_lifespan_cap_years": None,
    }
    first, second = config.sources
    assert first.columns["status"] == ColumnMapping("value", "done")
    assert first.value_maps == {"status": {"Yes": "no", "1": None}}
    assert (first.mode, first.currency, first.dialect.encoding, first.dialect.time_zone) == (
        "snapshot",
        "IRR",
        "cp1256",
        "Asia/Tehran",
    )
    assert (second.mode, second.currency, second.dialect.encoding, second.columns) == ("append", "USD", "utf-8", None)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("enconding: cp1252", "'enconding' is not known. Did you mean 'encoding'?"),
        ("encoding: cp9999", "encoding 'cp9999' is not known"),
        ('encoding: "utf\\0"', "is not known"),
        ("encoding: rot13", "encoding 'rot13' is not known"),
        ("delimiter: ';;'", "delimiter must be one character"),
        ("delimiter: '\"'", "delimiter and quote are the same"),
        ("escape: ','", "delimiter and escape are the same"),
        ("quote: ','", "delimiter and quote are the same"),
        ("{delimiter: ';', escape: ';'}", "delimiter and escape are the same"),
        ("sheet: Export", "sheet belongs to excel files; csv has no such thing. Remove it."),
        ("{files: '*', format: parquet, sheet: Export}", "sheet belongs to excel files; parquet"),
        ("decimal_mark: '5'", "decimal_mark '5' is no mark of numbers. Possible: '.', ','."),
        ("decimal_mark: '-'", "decimal_mark '-' is no mark of numbers"),
        ("thousands_mark: '5'", "thousands_mark '5' is no mark of numbers. Possible: '.', ',', \"'\", a space."),
        ("thousands_mark: ''", "thousands_mark '' is no mark of numbers"),
        ("{decimal_mark: ',', thousands_mark: ','}", "are the same"),
        ("format: exel", "Did you mean 'excel'?"),
        ("mode: replace", "mode 'replace' is not known"),
        ("time_zone: Asia/Teheran", "Did you mean 'Asia/Tehran'?"),
        ("currency: EURO", "currency 'EURO' is not an ISO 4217 code"),
        ("timestamp_formats: ['%d/%m/%Y', '%m/%d/%Y']", "read the same text as different days"),
        ("timestamp_formats: ['%d/%m']", "names no date"),
        ("timestamp_formats: ['%Q']", "%Q, which is not known"),
        ("timestamp_formats: [isoo]", "Did you mean 'iso'?"),
        ("date_formats: [epoch_seconds]", "is not a date format"),
        ("header: maybe", "header is 'maybe'"),
        ("{format: parquet, delimiter: ';'}", "delimiter belongs to csv and tsv files"),
        ("{files: '*.xlsx', decimal_mark: ','}", "decimal_mark belongs to csv and tsv files; excel has no such thing"),
        ("{files: 'a/*.ndjson.gz', thousands_mark: ','}", "thousands_mark belongs to csv and tsv files"),
        (
            "columns: {order_id: a, ordered_at: b, status: c, chanel: d}",
            "'chanel' is not known. Did you mean 'channel'?",
        ),
        ("columns: {order_id: a}", "orders needs ordered_at, status"),
        ("columns: {order_id: a, ordered_at: , status: c}", "column ordered_at has no source"),
        ("columns: {order_id: a, ordered_at: {sqll: x}, status: c}", "must be a source column, {sql:"),
        ("columns: {order_id: a, ordered_at: {sql: \"getenv('x')\"}, status: c}", "getenv is not allowed"),
        ("columns: [order_id]", "columns must be a list of `key: value` lines"),
        (
            "columns: {order_id: {sql: upper(source_row_number_in_order)}, ordered_at: b, status: c}",
            "column order_id: source_row_number_in_order counts the rows of an order",
        ),
        ("value_maps: {stauts: {a: b}}", "Did you mean 'status'?"),
        ("files: ../x.csv", "leaves the extracts folder"),
        ("files: /etc/passwd", "leaves the extracts folder"),
        ("files: ~/x.csv", "leaves the extracts folder"),
        ("files: a**/x.csv", "must stand alone"),
        ("files: .", "files '.' names no file. Write a pattern such as 'orders*.csv'"),
        ("files: ./", "names no file"),
        ("feed: order", "there is no feed 'order'. Did you mean 'orders'?"),
        ("name: Orders 1", "must be lower-case letters"),
        ("name:", "a source needs `name:`"),
    ],
)
def test_a_mistake_in_a_source_is_named_with_its_line(tmp_path, line, complaint):
    own = line[1:-1].split(", ") if line.startswith("{") else [line]
    keys = {key.split(":")[0] for key in own}
    lines = [
        f"{key}: {value}" for key, value in (("name", "a"), ("feed", "orders"), ("files", "a.csv")) if key not in keys
    ]
    text = "name: shop\nsources:\n  -\n" + "".join(f"    {entry}\n" for entry in lines + own)
    problems = _problems(tmp_path, text)
    assert complaint in problems
    assert problems.startswith("extracts.yml:")
    assert len(problems.splitlines()) == 1


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("first_weekdy: 6", "Did you mean 'first_weekday'?"),
        ("first_weekday: 9", "from 1 to 7"),
        ("first_weekday: true", "whole number"),
        ("reporting_time_zone: Mars", "not a time zone"),
        ("reporting_currency: XXZ", "ISO 4217"),
        ("reporting_currency: [EUR]", "ISO 4217"),
        ("as_of_date: yesterday", "must be a date"),
        ("as_of_date: 20240601", "must be a date"),
        ("as_of_date: 2024-W23-1", "must be a date"),
        ("as_of_date: 2024-31-05", "cannot be read as a value. Write a day of the calendar such as 2024-06-01."),
        ("as_of_date: 2024-02-30", "cannot be read as a value"),
        ("small_base_limit: !x 30", "cannot be read as a value. Write one such as 30."),
        ("activity_windows: 90", "must be a list"),
        ("activity_windows: [0]", "from 1 to 10,000"),
        ("activity_windows: [90, 10001, 365]", "from 1 to 10,000"),
        ("activity_windows: [90, 365, 90]", "names '90' twice"),
        ("segment_types: [country, country]", "names 'country' twice"),
        ("zero_value_orders_count: 1", "true or false"),
        ("small_base_limit: null", "has no value"),
        ("dataset: other", "'dataset' is not known"),
    ],
)
def test_a_mistake_in_reporting(tmp_path, line, complaint):
    problems = _problems(
        tmp_path, f"name: shop\nreporting:\n  {line}\nsources:\n  - {{name: a, feed: orders, files: a}}\n"
    )
    assert problems.startswith("extracts.yml:3: reporting")
    assert complaint in problems


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "`name:` is missing"),
        ("name: shop\n", "`sources:` lists no files"),
        ("name: my__shop\nsources:\n  - {name: a, feed: orders, files: a}\n", "single underscores"),
        ("name: shop\nsources: [\n", "not valid YAML"),
        ("name: shop\nname: other\n", "has 'name' twice"),
        ("- a\n- b\n", "`key: value` lines"),
        (
            "name: shop\nsources:\n  - {name: a, feed: orders, files: a}\n  - {name: a, feed: orders, files: b}\n",
            "two sources",
        ),
        ("name: shop\ndefaults: {mode: append}\nsources:\n  - {name: a, feed: orders, files: a}\n", "defaults: 'mode'"),
    ],
)
def test_a_mistake_in_the_file(tmp_path, text, complaint):
    assert complaint in _problems(tmp_path, text)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Asia/Tehran", "Pacific/Pago_Pago"])
def test_formats_with_and_without_offset_agree_in_whatever_zone_the_machine_is(tmp_path, monkeypatch, zone):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        formats = "timestamp_formats: ['%Y-%m-%dT%H:%M:%S%z', '%Y/%m/%d %H:%M', '%d.%m.%Y %z']"
        config = _load(tmp_path, f"name: shop\nsources:\n  - {{name: a, feed: orders, files: a.csv, {formats}}}\n")
    finally:
        monkeypatch.undo()
        time.tzset()
    assert len(config.sources[0].dialect.timestamp_formats) == 3


@pytest.mark.parametrize("mark", [".", "'", " ", "\u00a0", "\u202f", "\u2019"])
def test_marks_between_thousands(tmp_path, mark):
    marks = f'decimal_mark: ",", thousands_mark: "{mark}"'
    config = _load(tmp_path, f"name: shop\nsources:\n  - {{name: a, feed: orders, files: a.csv, {marks}}}\n")
    assert config.sources[0].dialect.thousands_mark == mark


def test_all_mistakes_come_at_once_in_the_order_of_the_lines(tmp_path):
    problems = _problems(
        tmp_path, "name: Shop\nreporting:\n  first_weekday: 0\nsources:\n  - {name: a, feed: x, files: a}\n"
    )
    assert [line.split(":")[1] for line in problems.splitlines()] == ["1", "3", "5"]


def test_a_mapping_that_is_not_there_or_not_text(tmp_path):
    with pytest.raises(MappingError, match="does not exist"):
        load_config(tmp_path / "none.yml")
    (tmp_path / "binary.yml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(MappingError, match="not UTF-8"):
        load_config(tmp_path / "binary.yml")


@pytest.mark.parametrize(
    ("expression", "columns"),
    [
        ('upper("Customer ID")', ("Customer ID",)),
        ("CASE WHEN starts_with(a, 'C') THEN 'x' ELSE b END", ("a", "b")),
        ("source_row_number", ()),
        ("CAST(a AS DECIMAL(10,2)) * -1 -- the sign", ("a",)),
        ("coalesce(nullif(a, ''), b) IN ('x', 'y') AND c IS NOT NULL", ("a", "b", "c")),
        ("strptime(a, '%d.%m.%Y') AT TIME ZONE 'UTC'", ("a",)),
        ("payload ->> '$.shop.id'", ("payload",)),
    ],
)
def test_an_expression_over_one_row_is_allowed(expression, columns):
    assert columns_of_expression(expression) == columns


@pytest.mark.parametrize(
    "expression",
    [
        "a; DROP TABLE source",
        "1) FROM read_csv('/etc/passwd'",
        "(SELECT content FROM read_text('/etc/passwd'))",
        "a IN (SELECT 1)",
        "EXISTS (FROM source)",
        "read_text('/etc/passwd')",
        "getenv('HOME')",
        "current_setting('home_directory')",
        "getvariable('x')",
        "nextval('x')",
        "random()",
        "now()",
        "sum(a)",
        "row_number() OVER ()",
        "list_transform([a], lambda x: x)",
        "*",
        "COLUMNS(*)",
        "$1",
        "other.a",
        "main.upper(a)",
        "a UNION SELECT 1",
        "a LIMIT 1",
        "upper(a",
        "",
    ],
)
def test_anything_else_is_not(expression):
    with pytest.raises(ExpressionError):
        columns_of_expression(expression)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("1 day", dt.timedelta(days=1)),
        ("36 hours", dt.timedelta(hours=36)),
        ("2 weeks", dt.timedelta(weeks=2)),
        ("never", NEVER_EXPECTED),
    ],
)
def test_how_often_something_newer_is_expected(tmp_path, text, span):
    path = tmp_path / "extracts.yml"
    path.write_text(
        f"name: shop\ndefaults:\n  expect_every: {text}\n"
        "sources:\n  - {name: a, feed: orders, files: a.csv}\n"
        "  - {name: b, feed: orders, files: b.csv, expect_every: 3 days}\n"
    )
    assert [source.expect_every for source in load_config(path).sources] == [span, dt.timedelta(days=3)]


@pytest.mark.parametrize("text", ["daily", "0 days", "1", "99999 days", "-1 day"])
def test_a_span_that_is_none_is_told(tmp_path, text):
    path = tmp_path / "extracts.yml"
    path.write_text(f"name: shop\nsources:\n  - {{name: a, feed: orders, files: a.csv, expect_every: {text}}}\n")
    with pytest.raises(MappingError, match=r"extracts.yml:3: expect_every .* Write 36 hours"):
        load_config(path)
