"""Words, numbers and dates in the reader's language.

Belongs here: the catalogues (`texts/<language>.yml`) and formatting by the rules of a language. Does not belong here:
where a text is shown. Texts of the data (segments, surveys) are shown as they are.
"""

import datetime as dt
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd
import yaml
from babel import Locale
from babel.dates import format_date, format_datetime, get_day_names
from babel.numbers import format_currency, format_decimal, format_percent

CATALOGUES = Path(__file__).parent / "texts"
LANGUAGES = ("en", "ar", "fa")
# How the marts label a week that does not start on a Monday; the date of its first day follows.
WEEK_OF = "week of "
NOTHING = "\N{EN DASH}"
ZEROS = {"latn": "0", "arab": "\N{ARABIC-INDIC DIGIT ZERO}", "arabext": "\N{EXTENDED ARABIC-INDIC DIGIT ZERO}"}
# Keep a number with its sign and its currency, and 2026-03, in order inside right-to-left text: isolated from the words
# around, and overridden inside, because Arabic digits turn the order around a hyphen.
START = "\N{LEFT-TO-RIGHT ISOLATE}\N{LEFT-TO-RIGHT OVERRIDE}"
END = "\N{POP DIRECTIONAL FORMATTING}\N{POP DIRECTIONAL ISOLATE}"


@dataclass(frozen=True)
class Texts:
    """The catalogue of one language; call it with a key to get a text."""

    language: str
    entries: dict[str, str]

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key with its places filled in. Raises KeyError for a key that no catalogue has."""
        text = self.entries[key]
        return text.format(**values) if values else text

    @property
    def locale(self) -> Locale:
        """The rules by which numbers and dates are written."""
        return Locale.parse(self("meta.locale"))

    @property
    def direction(self) -> str:
        """`ltr` or `rtl`."""
        return self("meta.direction")

    def value(self, family: str, name: object) -> str:
        """A value that the marts define (a grain, a reason, a method) in words, or itself where it has none."""
        if family == "definition" and str(name).startswith("window_"):
            return self("definition.window", days=self.number(int(str(name).removeprefix("window_"))))
        return self.entries.get(f"{family}.{name}", str(name))

    def digits(self, text: str) -> str:
        """A text with the digits of this language."""
        zero = ord(ZEROS[self.locale.default_numbering_system])
        percent = self.locale.number_symbols[self.locale.default_numbering_system]["percentSign"]
        return text.translate({ord("0") + digit: chr(zero + digit) for digit in range(10)} | {ord("%"): percent})

    def label(self, text: str) -> str:
        """The label of a period, which stays in its order inside right-to-left text."""
        if text.startswith(WEEK_OF):
            return self("period.week_of", date=self._localise(text.removeprefix(WEEK_OF)))
        return self._localise(text)

    def number(self, value: float | None, decimals: int = 0) -> str:
        """A count or a plain number."""
        if _is_nothing(value):
            return NOTHING
        pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
        return self._localise(format_decimal(value, pattern, locale=self.locale, numbering_system="default"))

    def rate(self, value: float | None) -> str:
        """A fraction as a percentage with one decimal."""
        if _is_nothing(value):
            return NOTHING
        return self._localise(format_percent(value, "#,##0.0%", locale=self.locale, numbering_system="default"))

    def exact(self, value: float | None, decimals: int) -> str:
        """A plain number with the decimals that it has, so many at most."""
        if _is_nothing(value):
            return NOTHING
        pattern = "#,##0." + "#" * decimals
        return self._localise(format_decimal(value, pattern, locale=self.locale, numbering_system="default"))

    def signed(self, value: float, unit: str = "") -> str:
        """A change with its sign and one decimal."""
        return self._localise(
            format_decimal(value, "+#,##0.0;\u2212#,##0.0", locale=self.locale, numbering_system="default") + unit
        )

    def amount(self, value: float | None, currency: str | None) -> str:
        """An amount in the reporting currency (its code is shown: signs are shared by several currencies)."""
        if _is_nothing(value):
            return NOTHING
        if not currency:
            return self.number(value, 2)
        money = format_currency(
            value, currency, "#,##0.00\u00a0¤¤", locale=self.locale, numbering_system="default", currency_digits=True
        )
        return self._localise(money)

    def date(self, value: dt.date | pd.Timestamp | None) -> str:
        """A calendar date; the calendar is that of the marts, the Gregorian one."""
        if _is_nothing(value):
            return NOTHING
        return self.digits(format_date(value, "long", locale=self.locale))

    def date_and_time(self, value: dt.datetime | pd.Timestamp | None) -> str:
        """A moment, in UTC."""
        if _is_nothing(value):
            return NOTHING
        return self.digits(format_datetime(value, "d MMMM y, HH:mm", locale=self.locale)) + "\u00a0UTC"

    def weekday(self, number: int) -> str:
        """The name of a weekday, 1 Monday to 7 Sunday."""
        return get_day_names("wide", locale=self.locale)[(number - 1) % 7]

    @property
    def first_weekday(self) -> int:
        """The day with which weeks begin where this language is spoken, 1 Monday to 7 Sunday."""
        return self.locale.first_week_day + 1

    def _localise(self, text: str) -> str:
        # Babel writes the separators of a language, but not its digits.
        text = self.digits(text)
        return f"{START}{text}{END}" if self.direction == "rtl" else text


def _is_nothing(value: object) -> bool:
    return value is None or bool(pd.isna(value))


@cache
def load_texts(language: str) -> Texts:
    """The catalogue of a language, its keys joined by dots."""
    document = yaml.safe_load((CATALOGUES / f"{language}.yml").read_text(encoding="utf-8"))
    return Texts(language, dict(_flatten(document)))


def _flatten(node: dict, prefix: str = "") -> list[tuple[str, str]]:
    entries = []
    for name, value in node.items():
        entries += _flatten(value, f"{prefix}{name}.") if isinstance(value, dict) else [(prefix + str(name), value)]
    return entries
