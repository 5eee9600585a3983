"""What a `{sql: ...}` entry of the mapping may say: one expression over one row.

Belongs here: deciding whether an expression is safe, and which source columns it uses. Does not belong here: running it
(`checks`).

An expression comes from a file that people edit, so it is parsed by DuckDB itself and held against a list of what is
allowed: no statement, no subquery, no window, no function that reads files, settings or the environment, none whose
result changes from run to run.
"""

import difflib
import json
from functools import cache

import duckdb

ROW_NUMBER_COLUMN = "source_row_number"
# The number of a row among those of its order in the file: the same again where the order comes again with other rows.
ORDER_ROW_NUMBER_COLUMN = "source_row_number_in_order"
# Tells the files apart that are checked in one query; no expression may use it.
FILE_NUMBER_COLUMN = "source_file_number"

ALLOWED_CLASSES = frozenset(
    {"FUNCTION", "COLUMN_REF", "CONSTANT", "CASE", "CAST", "COMPARISON", "CONJUNCTION", "OPERATOR", "BETWEEN", "TYPE"}
)
ALLOWED_FUNCTIONS = frozenset(
    name
    for names in (
        # operators
        "+ - * / // % ^ ** || ~~ !~~ ~~* !~~* ~~~ & | << >> ~ ->> -> @",
        "like_escape not_like_escape ilike_escape not_ilike_escape",
        # numbers
        "abs ceil ceiling floor round trunc sign mod power pow sqrt greatest least even ln log10 exp",
        "isnan isinf isfinite",
        # texts
        "lower upper lcase ucase trim ltrim rtrim length len strlen char_length left right substr substring replace",
        "translate",
        "concat concat_ws contains starts_with ends_with prefix suffix strpos instr position",
        "reverse lpad rpad ascii chr unicode split split_part string_split str_split",
        "strip_accents nfc_normalize format printf",
        "regexp_extract regexp_matches regexp_full_match regexp_replace",
        "regexp_split_to_array",
        "array_extract list_extract list_element element_at struct_extract struct_pack list_value",
        "md5 sha256 hash levenshtein",
        # choices
        "coalesce ifnull nullif if",
        # dates
        "strptime try_strptime strftime date_part datepart date_trunc datetrunc date_diff datediff date_add date_sub",
        "datesub make_date make_timestamp year month day hour minute second week quarter dayofweek isodow dayofyear",
        "last_day epoch epoch_ms to_timestamp timezone to_days to_hours to_minutes to_seconds",
        "to_months to_weeks to_years to_milliseconds",
        # JSON
        "json_extract json_extract_string json_extract_path json_extract_path_text json_value json_valid json_type",
        "json_array_length json_exists",
    )
    for name in names.split()
)


class ExpressionError(Exception):
    """An expression that may not run; the message says what is wrong with it and what to do."""


@cache
def columns_of_expression(expression: str) -> tuple[str, ...]:
    """The source columns that an expression uses, in order of appearance, without the row number.

    Raises ExpressionError where it is not a single allowed expression over the columns of one row.
    """
    with duckdb.connect() as connection:
        text = connection.execute("SELECT json_serialize_sql(?)", [f"SELECT ({expression}\n)"]).fetchone()[0]
    document = json.loads(text)
    if document["error"]:
        raise ExpressionError(f"the SQL expression cannot be read: {document['error_message']}")
    statements = document["statements"]
    node = statements[0]["node"] if len(statements) == 1 else {}
    if node.get("type") != "SELECT_NODE" or len(node["select_list"]) != 1:
        raise ExpressionError('it must be one single SQL expression, such as upper("Country"); no statement, no list')
    if not _reads_no_table(node):
        raise ExpressionError(
            "it must be an expression over the columns of one row; FROM, WHERE and the like are not allowed"
        )
    columns: list[str] = []
    _walk(node["select_list"][0], columns)
    return tuple(dict.fromkeys(name for name in columns if name.lower() != ROW_NUMBER_COLUMN))


def _reads_no_table(node: dict) -> bool:
    clauses = ("where_clause", "having", "sample", "qualify", "group_expressions", "group_sets", "modifiers")
    from_table = node.get("from_table") or {"type": "EMPTY"}
    return from_table["type"] in ("EMPTY", "EMPTY_FROM") and not any(node.get(clause) for clause in clauses)


def _walk(node: object, columns: list[str]) -> None:
    if isinstance(node, list):
        for item in node:
            _walk(item, columns)
    if not isinstance(node, dict):
        return
    if "class" in node:
        _check_node(node, columns)
    for value in node.values():
        _walk(value, columns)


def _check_node(node: dict, columns: list[str]) -> None:
    kind = node["class"]
    if kind == "SUBQUERY":
        raise ExpressionError("subqueries are not allowed: an expression sees one row of the file")
    if kind == "WINDOW":
        raise ExpressionError(
            f"window functions are not allowed: an expression sees one row; use {ROW_NUMBER_COLUMN} to number rows"
        )
    if kind not in ALLOWED_CLASSES:
        raise ExpressionError(f"it uses a construct ({kind.lower().replace('_', ' ')}) that is not allowed here")
    if kind == "FUNCTION":
        _check_function(node)
    if kind == "COLUMN_REF":
        if len(node["column_names"]) != 1:
            raise ExpressionError(
                f"'{'.'.join(node['column_names'])}' is not a column; put a name that holds a dot in double quotes"
            )
        columns.append(node["column_names"][0])


def _check_function(node: dict) -> None:
    name = node["function_name"].lower()
    if name in ALLOWED_FUNCTIONS and not node.get("schema") and not node.get("catalog"):
        return
    near = difflib.get_close_matches(name, ALLOWED_FUNCTIONS, n=1)
    hint = f"; did you mean {near[0]}?" if near else "; docs/extracts.md lists the functions that are"
    raise ExpressionError(f"the function {name} is not allowed{hint}")
