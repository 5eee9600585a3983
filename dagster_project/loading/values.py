"""How a text becomes a value: SQL for each type of the contract.

Belongs here: digits, number and date formats, trimming. Does not belong here: what makes a value wrong (`checks`).

Every function takes SQL for a text that is trimmed and not empty, and gives SQL that is NULL where the text is no such
value. Nothing ambiguous is guessed: a format that the mapping does not name is not read.
"""

from collections.abc import Iterable

from dagster_project.loading.delimited import INVISIBLE
from dagster_project.loading.formats import EPOCH_FORMATS, ISO, Dialect
from dagster_project.sql_text import quote_text

# Arabic-Indic and Persian digits, the Arabic decimal mark, the typographic minus.
FOREIGN_DIGITS = "٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹٫−"  # noqa: RUF001
PLAIN_DIGITS = "01234567890123456789.-"

ISO_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
ISO_CLOCK = "[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?"
ISO_OFFSET = " ?(Z|z|UTC|GMT|[+-](0[0-9]|1[0-5])(:?[0-5][0-9])?)"
MIDNIGHT = "([T ]00:00(:00([.]0{1,9})?)?)?"

NO_ID = ("NULL", "null", "\\N", "NaN", "nan", "None", "<NA>")

TRUE_TEXTS = ("true", "t", "yes", "y", "1")
FALSE_TEXTS = ("false", "f", "no", "n", "0")


def trimmed_sql(text: str) -> str:
    """The text without white space and invisible marks around it; NULL where nothing is left.

    It comes in the composed form of Unicode (NFC), so that two ways to write the same letter are the same id.
    """
    # Trimming a list of characters costs ten times these comparisons, so it is done only where the ends may ask for it:
    # white space and control characters come before '!'.
    is_plain = f"{text} > '!' AND strlen({text}) = length({text}) AND {text}[-1] > '!'"
    return f"CASE WHEN {is_plain} THEN {text} ELSE nullif(trim(nfc_normalize({text}), {quote_text(INVISIBLE)}), '') END"


def id_sql(text: str) -> str:
    """The id; NULL where it is what programs write for none. Taken for an id, all of these would be one thing."""
    longest = max(len(word) for word in NO_ID)
    return f"CASE WHEN strlen({text}) > {longest} THEN {text} WHEN {is_one_of(text, NO_ID)} THEN NULL ELSE {text} END"


def is_one_of(text: str, words: Iterable[str]) -> str:
    """Whether the text is one of a few words.

    In a branch of CASE only its rows are compared so; an IN list the engine makes a join of, for all rows.
    """
    return "(" + " OR ".join(f"{text} = {quote_text(word)}" for word in words) + ")"


def caseless_sql(text: str) -> str:
    """The text as it is compared without regard to case."""
    # By way of capitals, because a letter may have two small forms (the Greek sigma) for one capital. Only the engine
    # does it, on both sides of a comparison: others have other small letters for some capitals.
    return f"lower(upper({text}))"


def plain_digits_sql(text: str) -> str:
    """The text with Arabic-Indic and Persian digits as 0-9, and without invisible marks."""
    marks = "".join(mark for mark in INVISIBLE if not mark.isspace())
    translated = f"translate({text}, {quote_text(FOREIGN_DIGITS + marks)}, {quote_text(PLAIN_DIGITS)})"
    return f"CASE WHEN strlen({text}) <> length({text}) THEN {translated} ELSE {text} END"


def number_text_sql(text: str, dialect: Dialect) -> str:
    """A number as the engine writes it; `text` has plain digits already."""
    mark, thousands = dialect.decimal_mark, dialect.thousands_mark
    if thousands is not None:
        group, point = _class(thousands), _class(mark)
        grouped = f"[+-]?[0-9]{{1,3}}({group}[0-9]{{3}})+({point}[0-9]*)?"
        text = (
            f"CASE WHEN NOT contains({text}, {quote_text(thousands)}) THEN {text} "
            f"WHEN regexp_full_match({text}, {quote_text(grouped)}) "
            f"THEN replace({text}, {quote_text(thousands)}, '') END"
        )
    if mark != ".":
        text = f"CASE WHEN NOT contains({text}, '.') THEN replace({text}, {quote_text(mark)}, '.') END"
    return text


def _class(character: str) -> str:
    return f"[{character}]" if character not in "^]\\" else f"\\{character}"


def decimal_sql(number_text: str, sql_type: str) -> str:
    """A DECIMAL from a number text; more digits than the type has are rounded half away from zero."""
    # The engine would also read 1_000; nobody means that in an extract.
    return f"CASE WHEN NOT contains({number_text}, '_') THEN TRY_CAST({number_text} AS {sql_type}) END"


def integer_sql(number_text: str) -> str:
    """A whole number; 12.0 is one, 12.5 is none."""
    decimal = f"TRY_CAST({number_text} AS DECIMAL(38,6))"
    is_whole = f"NOT contains({number_text}, '_') AND {decimal} = trunc({decimal})"
    # Nearly all are a few digits, which need no decimals.
    return (
        f"CASE WHEN regexp_full_match({number_text}, '[0-9]{{1,15}}') THEN CAST({number_text} AS BIGINT) "
        f"WHEN {is_whole} THEN TRY_CAST(trunc({decimal}) AS BIGINT) END"
    )


def boolean_sql(text: str) -> str:
    """true, t, yes, y, 1 and false, f, no, n, 0 in any case."""
    truths = ", ".join(quote_text(item) for item in TRUE_TEXTS)
    falsehoods = ", ".join(quote_text(item) for item in FALSE_TEXTS)
    return f"CASE WHEN lower({text}) IN ({truths}) THEN TRUE WHEN lower({text}) IN ({falsehoods}) THEN FALSE END"


def local_time_sql(text: str, formats: tuple[str, ...]) -> str:
    """A naive local TIMESTAMP, where the text says no offset; `text` has plain digits already."""
    readers = []
    for pattern in formats:
        if pattern == ISO:
            readers.append(
                f"CASE WHEN regexp_full_match({text}, '{ISO_DATE}({ISO_CLOCK})?') "
                f"THEN TRY_CAST({text} AS TIMESTAMP) END"
            )
        elif pattern not in EPOCH_FORMATS and "%z" not in pattern:
            readers.append(f"try_strptime({text}, {quote_text(pattern)})")
    return _first_of(readers, "TIMESTAMP")


def instant_sql(text: str, formats: tuple[str, ...]) -> str:
    """A naive UTC TIMESTAMP, where the text itself says which instant it is: an offset, or seconds since 1970."""
    readers = []
    for pattern in formats:
        if pattern == ISO:
            # Cast to TIMESTAMP, the engine would read the offset and ignore it; cast to TIMESTAMPTZ, it wants +03:30,
            # not +0330.
            written = (
                f"CASE WHEN {text}[-3] = ':' THEN {text} "
                f"ELSE regexp_replace({text}, ' ?([+-][0-9]{{2}})([0-9]{{2}})$', '\\1:\\2') END"
            )
            readers.append(
                f"CASE WHEN regexp_full_match({text}, '{ISO_DATE}{ISO_CLOCK}{ISO_OFFSET}') "
                f"THEN make_timestamp(epoch_us(TRY_CAST({written} AS TIMESTAMPTZ))) END"
            )
        elif pattern in EPOCH_FORMATS:
            scaled = f"TRY_CAST({text} AS DECIMAL(38,6)) * {EPOCH_FORMATS[pattern]}"
            readers.append(
                f"CASE WHEN regexp_full_match({text}, '[+-]?[0-9]{{1,14}}([.][0-9]*)?') "
                # So many digits may be beyond every calendar.
                f"THEN TRY(make_timestamp(CAST({scaled} AS BIGINT))) END"
            )
        elif "%z" in pattern:
            readers.append(f"make_timestamp(epoch_us(try_strptime({text}, {quote_text(pattern)})))")
    return _first_of(readers, "TIMESTAMP")


def date_sql(text: str, formats: tuple[str, ...]) -> str:
    """A DATE; `text` has plain digits already. An ISO date may have midnight behind it, as databases write it."""
    return _first_of([_date_in(text, pattern) for pattern in formats], "DATE")


def _date_in(text: str, pattern: str) -> str:
    if pattern == ISO:
        return (
            f"CASE WHEN regexp_full_match({text}, '{ISO_DATE}{MIDNIGHT}') THEN TRY_CAST(left({text}, 10) AS DATE) END"
        )
    return f"CAST(try_strptime({text}, {quote_text(pattern)}) AS DATE)"


def _first_of(expressions: list[str], sql_type: str) -> str:
    if not expressions:
        return f"CAST(NULL AS {sql_type})"
    return expressions[0] if len(expressions) == 1 else f"coalesce({', '.join(expressions)})"
