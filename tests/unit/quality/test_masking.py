"""No personal value reaches a report, whatever column it hides in."""

from datetime import datetime
from decimal import Decimal

import pytest

from dagster_project.quality.masking import MASK, masked_message, masked_row, masked_value

PERSONAL = frozenset({"email", "birth_date"})


@pytest.mark.parametrize(
    "value", ["person@example.com", "Person <p@example.com>", "+971 50 123 4567", "00971501234567"]
)
def test_what_looks_personal_is_masked_in_any_column(value):
    assert masked_value("status", value, PERSONAL) == MASK


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("A-1001", "A-1001"),
        ("20260101001", "20260101001"),
        (None, "(empty)"),
        (Decimal("-5.0000"), "-5.0000"),
        (Decimal("0E-8"), "0.00000000"),
        (datetime.fromisoformat("2026-01-01T10:00:00"), "2026-01-01 10:00:00"),
        ("x" * 400, "x" * 299 + "…"),
    ],
)
def test_other_values_are_shown(value, shown):
    assert masked_value("order_id", value, PERSONAL) == shown


def test_personal_columns_are_masked_whatever_they_hold():
    assert masked_row({"customer_id": "C1", "birth_date": "2000-01-01"}, PERSONAL) == {
        "customer_id": "C1",
        "birth_date": MASK,
    }


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("no date: 'Ann O'Brien' in column b", "no date: '…' in column b"),
        (f"no date: '{'Ann Example ' * 40}' in b", "no date: '…' in b"),
        ("no date: 'Ann O'Brien", "no date: '…'"),
        ("no date: 'Ann'Example\nof Oman' in b", "no date: '…'"),
        ("'Ann' is no date, 'Bo'b' neither; it doesn't end", "'…' neither; it doesn't end"),
        ("the model's column doesn't exist", "the model's column doesn't exist"),
        ("no date: DATE'Ann'", "no date: DATE'…'"),
    ],
)
def test_error_message_hides_quotes_inside_values_long_values_and_what_is_cut_off(message, told):
    assert masked_message(message) == told


def test_error_message_keeps_its_first_line_without_quoted_values():
    message = "Conversion Error: Could not convert string 'Ann Example' to INT32\nLINE 1: select ..."
    assert masked_message(message) == "Conversion Error: Could not convert string '…' to INT32"
