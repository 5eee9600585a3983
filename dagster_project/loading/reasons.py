"""What a reason code says to a data steward.

Belongs here: one sentence for each code, without any value of the row. Does not belong here: when a code applies
(`checks`).
"""

# The moment that closed_at must not precede, by feed.
CLOSED_BEFORE = {"crm_customers": "created_at", "crm_tickets": "opened_at"}

# {column} is the contract's column.
SENTENCES = {
    "missing": "{column} is empty. Every row needs it: correct the row, or map another column to {column}.",
    "not_a_timestamp": "{column} is not a timestamp. Write 2024-05-31 14:00:00, or set timestamp_formats.",
    "not_a_date": "{column} is not a date. Write 2024-05-31, or name the format under date_formats.",
    "not_a_number": "{column} is not a number. Write 1234.50, or set decimal_mark, thousands_mark (csv and tsv).",
    "not_an_integer": "{column} is not a whole number. Write it without fraction and letters.",
    "not_a_boolean": "{column} is neither yes nor no. Write true or false, or map the spelling under value_maps.",
    "out_of_range": "{column} is infinite, not a number, or has more digits than the column holds. Correct the row.",
    "product_out_of_range": "quantity times {column} has too many digits. Look for an article number in either.",
    "too_small_a_rate": "{column} loses more than a millionth with the 15 decimals kept. It is for one unit.",
    "before_1900": "{column} is before 1900. Correct the date; leave it empty if it is not known.",
    "in_the_future": "{column} lies more than a day after the time of loading. Correct the date, format or zone.",
    "placeholder": "{column} is 1970-01-01 00:00:00, which systems write for an unknown time. Correct or empty it.",
    "below_minimum": "{column} is smaller than it may be (0). Correct the sign; returns belong into order_refunds.",
    "not_positive": "{column} is 0 or less, or 0 once rounded to 15 decimals. Correct the row, or have it left out.",
    "unknown_value": "{column} has a value that is not in the list of docs/extracts.md. Map it under value_maps.",
    "unknown_currency": "{column} is not an ISO 4217 currency code. Correct it, or map it under value_maps.",
    "unknown_scale": "{column} is not a known scale of this metric. Use one of dbt/seeds/survey_scales.csv.",
    "off_scale": "{column} lies outside its scale. Correct the answer or the scale.",
    "closed_before_created": "{column} is before the beginning of the same row. Correct one of the two.",
    "spreadsheet_error": "{column} is an error of a spreadsheet (such as #N/A), or a formula that was never calculated "
    "(#UNCALCULATED!). Mend it there, and have the workbook saved by a spreadsheet program.",
    "expression_failed": "the sql expression for {column} fails on this row. Correct the row or the expression.",
    "too_few_values": "The line has fewer values than the header has columns. Look for a missing delimiter.",
    "too_many_values": "The line has more values than the header has columns. Look for an unquoted delimiter.",
    "broken_quoting": "The line has text after a closing quote. Double the quotes that stand inside a quoted value.",
    "unreadable_characters": "The line has bytes that are no text in the file's encoding. Set encoding or correct it.",
    "line_too_long": "The line holds a value of more than 2,000,000 characters. Look for lost line ends.",
    "not_a_json_object": "The line is not one JSON object. Write one object a line, such as {{...}}.",
}


def explain(code: str) -> str:
    """A sentence for a code such as `missing:order_id` or `too_few_values`."""
    kind, _, column = code.partition(":")
    sentence = SENTENCES[kind].format(column=column)
    return sentence[0].upper() + sentence[1:] if not column else sentence
