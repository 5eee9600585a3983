"""What every macro of `dbt/macros/cross_database` gives (and `converted`, made of them), worked out by hand.

Belongs here: the cases. Does not belong here: a dbt project that asks for them (`macro_project`), building it on an
engine, and comparing.
"""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

REPORTING_TIME_ZONE = "Europe/Berlin"
NO_DATE = "cast(null as date)"
NO_MOMENT = "cast(null as timestamp)"

# A call as it stands in a template, and what it gives.
Case = tuple[str, object]


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def a_date(text: str) -> str:
    return f"cast('{text}' as date)"


def a_moment(text: str) -> str:
    return f"cast('{text}' as timestamp)"


def add_days(date: str, days: int, expected: str) -> Case:
    return f'add_days("{a_date(date)}", {days})', day(expected)


def add_months(date: str, months: int, expected: str) -> Case:
    return f'add_months("{a_date(date)}", {months})', day(expected)


def days_between(first: str, second: str, expected: int) -> Case:
    return f'days_between("{a_date(first)}", "{a_date(second)}")', expected


def first_midnight(local: str, expected: str) -> Case:
    return f'first_midnight_from("{a_moment(local)}")', day(expected)


def as_decimal(double: str, scale: int, expected: str | None) -> Case:
    # Of all scales one type, so that the cases stand in one column.
    call = f'"cast(" ~ double_as_decimal("cast({double} as double)", 28, {scale}) ~ " as decimal(38, 10))"'
    return call, None if expected is None else Decimal(expected)


def product(one: str, other: str, other_scale: int, expected: str) -> Case:
    factors = f'"cast({one} as decimal(18, 4))", "cast({other} as decimal(18, {other_scale}))"'
    return f'"cast(" ~ exact_product({factors}) ~ " as decimal(38, 12))"', Decimal(expected)


def conversion(amount: str, rate: str, expected: str) -> Case:
    factors = f'"cast({amount} as decimal(18, 4))", "cast({rate} as decimal(25, 15))"'
    return f'"cast(" ~ exact_conversion({factors}) ~ " as decimal(38, 19))"', Decimal(expected)


def converted(amount: str, rate: str, minor_units: int, expected: str | None) -> Case:
    # Of columns: what is written out DuckDB computes beforehand, also where the macro leaves it out.
    given = f"cast({amount} as decimal(18, 4)), cast({rate} as decimal(25, 15)), cast({minor_units} as integer)"
    # A rate of up to 8 places is in a column of its own as well.
    short_rate = rate if len(rate.split(".")[1]) <= 8 else "null"
    rows = f"(values ({given}, cast({short_rate} as decimal(18, 8)))) as given (amount, rate, minor_units, short_rate)"
    value = 'converted("amount", "rate", "minor_units", "short_rate")'
    call = f'"(select cast(" ~ {value} ~ " as decimal(38, 4)) from {rows})"'
    return call, None if expected is None else Decimal(expected)


def rounding(amount: str, places: int, expected: str | None) -> Case:
    call = f'"cast(" ~ rounded("cast({amount} as decimal(32, 12))", {places}) ~ " as decimal(38, 4))"'
    return call, None if expected is None else Decimal(expected)


def median(values: str, expected: float | None) -> Case:
    return f'"(select " ~ median_of("v") ~ " from (values {values}) as listed (v))"', expected


def local(utc: str, expected: str) -> Case:
    return f'reporting_timestamp("{a_moment(utc)}")', dt.datetime.fromisoformat(expected)


def local_in(zone: str, utc: str, expected: str) -> Case:
    call = f"adapter.dispatch('reporting_timestamp')(\"{a_moment(utc)}\", '{zone}')"
    return call, dt.datetime.fromisoformat(expected)


def local_date(utc: str, expected: str) -> Case:
    return f'reporting_date("{a_moment(utc)}")', day(expected)


CASES: dict[str, list[Case]] = {
    "add_days": [
        add_days("2024-02-28", 1, "2024-02-29"),
        add_days("2024-02-29", 1, "2024-03-01"),
        add_days("2023-02-28", 1, "2023-03-01"),
        add_days("2024-03-01", -1, "2024-02-29"),
        add_days("2024-12-31", 1, "2025-01-01"),
        add_days("2024-01-15", 0, "2024-01-15"),
        # Clocks change in this night.
        add_days("2024-03-30", 2, "2024-04-01"),
        add_days("2025-01-01", -370, "2023-12-28"),
        (f'add_days("{NO_DATE}", 1)', None),
    ],
    "add_months": [
        add_months("2024-01-31", 1, "2024-02-29"),
        add_months("2023-01-31", 1, "2023-02-28"),
        add_months("2024-02-29", 1, "2024-03-29"),
        add_months("2024-02-29", 12, "2025-02-28"),
        add_months("2024-03-31", -1, "2024-02-29"),
        add_months("2024-05-15", -17, "2022-12-15"),
        add_months("2024-11-30", 3, "2025-02-28"),
        add_months("2024-07-01", 0, "2024-07-01"),
        (f'add_months("{NO_DATE}", 1)', None),
    ],
    "days_between": [
        days_between("2024-02-28", "2024-03-01", 2),
        days_between("2023-02-28", "2023-03-01", 1),
        days_between("2024-03-01", "2024-02-28", -2),
        days_between("2024-07-01", "2024-07-01", 0),
        # 25 years, seven of them leap years.
        days_between("1999-12-31", "2024-12-31", 9132),
        (f'days_between("{NO_DATE}", "{a_date("2024-01-01")}")', None),
        (f'days_between("{a_date("2024-01-01")}", "{NO_DATE}")', None),
    ],
    "exact_product": [
        product("2", "19.99", 4, "39.98"),
        # A thousand pieces at fifty million rials, and a million dollars and more: beyond 18 places.
        product("1000", "50000000", 4, "50000000000"),
        product("3000000.55", "1.1", 8, "3300000.605"),
        # Nothing is rounded: twelve places.
        product("0.0001", "0.00000003", 8, "0.000000000003"),
        product("-12345678.9012", "98.76543210", 8, "-1219326311.244871208520"),
    ],
    "exact_conversion": [
        conversion("100000000", "0.00000088496", "88.496"),
        conversion("-100000000", "0.00000088496", "-88.496"),
        conversion("19.99", "1.1", "21.989"),
        # Whole part and fraction, and all 19 places.
        conversion("-12345678.9012", "98.765432109876543", "-1219326311.3668038370518945516"),
        conversion("0.0001", "0.000000000000001", "0.0000000000000000001"),
        conversion("99999999999999.9999", "0.999999999999999", "99999999999999.8999000000000000001"),
        conversion("0.0001", "9999999999.999999999999999", "999999.9999999999999999999"),
    ],
    "converted": [
        converted("100000000", "0.00000088496", 2, "88.5"),
        converted("100000000", "0.00000088496", 3, "88.496"),
        converted("1.005", "1.0", 2, "1.01"),
        # No amount that a hundred like it could be added to: unknown, and no error.
        converted("90000000000000", "1130000.0", 2, None),
        converted("-99999999999999.9999", "9999999999.000000000000001", 4, None),
        converted("499999999999.4", "2.0", 0, "999999999999"),
        converted("500000000000.0", "2.0", 0, None),
    ],
    "first_midnight_from": [
        first_midnight("2024-02-28 00:00:00", "2024-02-28"),
        first_midnight("2024-02-28 00:00:00.000001", "2024-02-29"),
        first_midnight("2024-12-31 23:59:59.999999", "2025-01-01"),
        (f'first_midnight_from("{NO_MOMENT}")', None),
    ],
    "double_as_decimal": [
        # Halves that a double holds exactly go away from zero.
        as_decimal("0.125", 2, "0.13"),
        as_decimal("0.375", 2, "0.38"),
        as_decimal("-0.125", 2, "-0.13"),
        # Others go where the product with the power of ten lies, whatever digits the double is printed with.
        as_decimal("1.005", 2, "1"),
        as_decimal("129.0046875", 6, "129.004687"),
        as_decimal("1e0 / 3", 6, "0.333333"),
        as_decimal("-2e0 / 3", 6, "-0.666667"),
        as_decimal("0.1", 8, "0.1"),
        as_decimal("0.00000049", 6, "0"),
        as_decimal("-0.00000049", 6, "0"),
        as_decimal("0.0000006", 6, "0.000001"),
        as_decimal("100", 8, "100"),
        as_decimal("0", 4, "0"),
        # 2 to the power of 53 less one, as an amount of four decimal places: beyond, not every number is a double.
        as_decimal("900719925474.0991", 4, "900719925474.0991"),
        as_decimal("-900719925474.0991", 4, "-900719925474.0991"),
        # Beyond: the double that is nearest, to its last digit.
        as_decimal("18014398509.481987", 6, "18014398509.481988"),
        as_decimal("-18014398509.481987", 6, "-18014398509.481988"),
        as_decimal("123456789012345.678", 6, "123456789012345.667584"),
        as_decimal("null", 6, None),
    ],
    "median_of": [
        median("(3), (1), (2)", 2.0),
        median("(10), (1), (3), (2)", 2.5),
        median("(7)", 7.0),
        median("(1), (null), (2), (null)", 1.5),
        median("(cast(null as integer)), (null)", None),
        median("(5), (5), (5), (1)", 5.0),
        median("(-3), (-1)", -2.0),
        median("(cast(0.25 as decimal(18, 4))), (cast(0.5 as decimal(18, 4)))", 0.375),
        median(
            "(cast(10000000000.0625 as decimal(18, 4))), (cast(10000000000.1875 as decimal(18, 4)))", 10000000000.125
        ),
    ],
    "reporting_timestamp": [
        # Clocks in Berlin go from 2 to 3 on the last Sunday of March, and see the hour from 2 to 3 twice in October.
        local("2024-03-31 00:59:59.999999", "2024-03-31 01:59:59.999999"),
        local("2024-03-31 01:00:00", "2024-03-31 03:00:00"),
        local("2024-10-27 00:30:00", "2024-10-27 02:30:00"),
        local("2024-10-27 01:30:00", "2024-10-27 02:30:00"),
        local("2024-12-31 23:00:00", "2025-01-01 00:00:00"),
        (f'reporting_timestamp("{NO_MOMENT}")', None),
        local_in("America/New_York", "2024-03-10 06:59:59", "2024-03-10 01:59:59"),
        local_in("America/New_York", "2024-03-10 07:00:00", "2024-03-10 03:00:00"),
        # A day that began at one o'clock, when Brazil still had summer time.
        local_in("America/Sao_Paulo", "2018-11-04 02:59:59", "2018-11-03 23:59:59"),
        local_in("America/Sao_Paulo", "2018-11-04 03:00:00", "2018-11-04 01:00:00"),
        local_in("America/Sao_Paulo", "2024-11-04 03:00:00", "2024-11-04 00:00:00"),
        # An offset of three quarters of an hour, and a summer time of half an hour.
        local_in("Asia/Kathmandu", "2024-01-01 18:15:00", "2024-01-02 00:00:00"),
        local_in("Australia/Lord_Howe", "2024-04-06 14:59:59", "2024-04-07 01:59:59"),
        local_in("Australia/Lord_Howe", "2024-04-06 15:00:00", "2024-04-07 01:30:00"),
        local_in("Asia/Dubai", "1969-12-31 20:00:00", "1970-01-01 00:00:00"),
    ],
    "reporting_date": [
        local_date("2024-06-30 21:59:59", "2024-06-30"),
        local_date("2024-06-30 22:00:00", "2024-07-01"),
        local_date("2024-12-31 22:59:59", "2024-12-31"),
        local_date("2024-12-31 23:00:00", "2025-01-01"),
        (f'reporting_date("{NO_MOMENT}")', None),
    ],
    "text_literal": [
        (r"""text_literal("it's a \\ back\\\\slash")""", r"it's a \ back\\slash"),
        ("""text_literal("'")""", "'"),
        ("""text_literal("''")""", "''"),
        (r"""text_literal("\\'")""", r"\'"),
        (r"""text_literal("\\")""", "\\"),
        ("text_literal(7)", "7"),
        ("text_literal('ΔΏΡΟ سلام')", "ΔΏΡΟ سلام"),
        # What the engine makes small on both sides is equal, whatever it takes for small.
        ('"case when lower(\'İΔΏΡΟΣ\') in (" ~ lowered_texts(["x", "İΔΏΡΟΣ"]) ~ ") then \'equal\' end"', "equal"),
    ],
    "rounded": [
        rounding("1.005", 2, "1.01"),
        rounding("-1.005", 2, "-1.01"),
        rounding("1.004999999999", 2, "1"),
        rounding("0.0005", 3, "0.001"),
        rounding("-0.00005", 4, "-0.0001"),
        rounding("0.000049999999", 4, "0"),
        # Where DuckDB changes from one way of rounding to the other.
        rounding("999998.5", 0, "999999"),
        rounding("999999", 2, "999999"),
        rounding("999999.000049999999", 4, "999999"),
        rounding("-999999.5", 0, "-1000000"),
        rounding("1234567890123456.00005", 4, "1234567890123456.0001"),
        rounding("null", 2, None),
    ],
}

# First and last day, and the dates that this span holds.
SPANS = [
    (a_date("2024-02-27"), a_date("2024-03-01"), ["2024-02-27", "2024-02-28", "2024-02-29", "2024-03-01"]),
    (a_date("2023-12-31"), a_date("2024-01-01"), ["2023-12-31", "2024-01-01"]),
    (a_date("2024-03-31"), a_date("2024-03-31"), ["2024-03-31"]),
    (a_date("2024-03-31"), NO_DATE, []),
]

SEED = """\
code,amount,share,is_open,opened_on,pieces,words
a,1.5000,0.25,true,2024-02-29,1,it's
b,,,,,,
c,-0.0001,-1e-3,false,1999-12-31,-2,"a ""quoted"", word"
d,12345678901234.5678,1,true,2024-01-01,0,back\\slash and None
e,0,0,false,2024-01-01,3,سلام ü
"""
SEED_TYPES = {
    "code": "string",
    "amount": "decimal(18, 4)",
    "share": "double",
    "is_open": "boolean",
    "opened_on": "date",
    "pieces": "integer",
    "words": "string",
}
SEEDED = [
    ("a", Decimal("1.5"), 0.25, True, day("2024-02-29"), 1, "it's"),
    ("b", None, None, None, None, None, None),
    ("c", Decimal("-0.0001"), -0.001, False, day("1999-12-31"), -2, 'a "quoted", word'),
    ("d", Decimal("12345678901234.5678"), 1.0, True, day("2024-01-01"), 0, "back\\slash and None"),
    ("e", Decimal(0), 0.0, False, day("2024-01-01"), 3, "سلام ü"),
]

Row = tuple[str | None, int | None, str]


@dataclass(frozen=True)
class Replacement:
    """A table of (name, number, word) of which a refresh replaces rows: what it holds, what comes, what goes."""

    config: str
    rows: list[Row]
    incoming: list[Row]
    given_up: list[Row]

    @property
    def rows_after(self) -> list[Row]:
        """What is in the table after the refresh."""
        kept = list(self.rows)
        for row in self.given_up:
            kept.remove(row)
        return kept + self.incoming


REPLACEMENTS = {
    # A key with a part that is not known equals none.
    "by_keys": Replacement(
        config="unique_key=['name', 'number']",
        rows=[
            ("a", 1, "old"),
            ("a", 2, "old"),
            ("b", 1, "old"),
            (None, 1, "old"),
            ("a", None, "old"),
            (None, None, "old"),
        ],
        incoming=[("a", 1, "new"), ("c", 1, "new"), (None, 1, "new"), (None, None, "new")],
        given_up=[("a", 1, "old")],
    ),
    "by_one_key": Replacement(
        config="unique_key=['name']",
        rows=[("a", 1, "old"), ("a", 2, "old"), ("b", 1, "old"), (None, 1, "old")],
        incoming=[("a", 3, "new"), ("a", 4, "new"), (None, 2, "new")],
        given_up=[("a", 1, "old"), ("a", 2, "old")],
    ),
    # b is listed and has no successor, d is listed and new.
    "by_list": Replacement(
        config="meta={'replaced_keys': {'name': 'listed'}}",
        rows=[("a", 1, "old"), ("b", 1, "old"), ("b", 2, "old"), ("c", 1, "old"), (None, 1, "old")],
        incoming=[("c", 7, "new"), ("d", 1, "new")],
        given_up=[("b", 1, "old"), ("b", 2, "old"), ("c", 1, "old")],
    ),
    "nothing_new": Replacement(
        config="unique_key=['name']", rows=[("a", 1, "old"), ("a", 1, "old")], incoming=[], given_up=[]
    ),
    "as_a_whole": Replacement(
        config="",
        rows=[("a", 1, "old"), (None, 2, "old")],
        incoming=[("b", 1, "new"), ("b", 1, "new")],
        given_up=[("a", 1, "old"), (None, 2, "old")],
    ),
}
LISTED = ["b", "c", "d", None]
