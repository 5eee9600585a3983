"""The `reporting:` section of the mapping file: the dbt variables a company may set.

Belongs here: which variables there are (dbt_project.yml says) and whether a value can work. Does not belong here: their
meaning (docs/metrics.md).
"""

import datetime as dt
import functools
import zoneinfo
from functools import cache

import yaml

from dagster_project.loading.contracts import load_currencies, load_feeds
from dagster_project.loading.mapping_document import Document, plain_value, suggestion
from dagster_project.settings import DBT_PROJECT_DIR

# Set by `name:`, not by the user.
DATASET_VARIABLE = "dataset"
# Variables for which null says something: no fixed day, no cap.
MAY_BE_NULL = ("as_of_date", "clv_lifespan_cap_years")
# Days of an activity window; ten thousand are 27 years.
LONGEST_WINDOW = 10_000
# Variables of which each item has figures of its own.
COUNTED_BY = ("activity_windows", "segment_types")
RANGES = {"first_weekday": (1, 7), "fiscal_year_start_month": (1, 12)}
SURVEY_DATE_BASES = ("event", "answer")


@cache
def _variable_defaults() -> dict[str, object]:
    project = yaml.safe_load((DBT_PROJECT_DIR / "dbt_project.yml").read_text(encoding="utf-8"))
    return {name: value for name, value in project["vars"].items() if name != DATASET_VARIABLE}


def read_variables(document: Document, node: yaml.Node | None) -> dict[str, object]:
    """The variables that `reporting:` sets, as values that JSON can hold; problems are noted in the document."""
    entries = document.entries(node, "reporting")
    document.check_keys(node, entries, _variable_defaults(), "reporting")
    variables = {}
    for name, value_node in entries.items():
        if name not in _variable_defaults():
            continue
        try:
            value = plain_value(value_node)
        except ValueError:
            document.complain(value_node, f"reporting: {name} cannot be read as a value. {_fix_of(name)}")
            continue
        problem = _problem(name, value)
        if problem:
            document.complain(value_node, f"reporting: {name} {problem}")
        variables[name] = value.isoformat() if isinstance(value, dt.date) else value
    _check_activity_definition(document, node, variables)
    return variables


def _fix_of(name: str) -> str:
    default = _variable_defaults()[name]
    return f"Write {'a day of the calendar such as 2024-06-01' if name == 'as_of_date' else f'one such as {default}'}."


def settle_variables(variables: dict[str, object]) -> dict[str, object]:
    """All variables as the models see them: the given ones, and the defaults of the rest."""
    return _variable_defaults() | variables


def _check_activity_definition(document: Document, node: yaml.Node | None, variables: dict[str, object]) -> None:
    """The rule that lifetime value reads its rates from must be one that the windows make."""
    settled = settle_variables(variables)
    windows = settled["activity_windows"] if isinstance(settled["activity_windows"], list) else []
    definitions = ("purchase", *(f"window_{days}" for days in windows), "contract")
    if settled["clv_activity_definition"] not in definitions:
        document.complain(
            node,
            f"reporting: clv_activity_definition is '{settled['clv_activity_definition']}', but with these "
            f"activity_windows it must be one of: {', '.join(definitions)}.",
        )


def _customer_attributes() -> list[str]:
    """Columns of the CRM by which customers may be grouped: text that is neither an id nor personal."""
    columns = load_feeds()["crm_customers"].columns.values()
    return [
        column.name
        for column in columns
        if column.type == "text" and not column.personal and not column.name.endswith("customer_id")
    ]


def _problem(name: str, value: object) -> str | None:
    if value is None:
        return None if name in MAY_BE_NULL else "has no value. Give one, or leave the line out for the default."
    if name == "as_of_date":
        return None if _is_date(value) else f"is '{value}'; it must be a date such as 2024-06-01."
    if name == "reporting_time_zone":
        return time_zone_problem(value)
    if name == "reporting_currency":
        return (
            None
            if isinstance(value, str) and value in load_currencies()
            else f"is '{value}'; it must be an ISO 4217 code such as EUR, IRR or AED."
        )
    return _type_problem(name, value, _variable_defaults()[name]) or _choice_problem(name, value)


def _choice_problem(name: str, value: object) -> str | None:
    choices: list[str] | tuple[str, ...]
    if name in ("segment_types", "clv_segment_type"):
        choices = _customer_attributes()
    elif name == "survey_date_basis":
        choices = SURVEY_DATE_BASES
    else:
        return None
    wrong = [item for item in (value if isinstance(value, list) else [value]) if item not in choices]
    return f"names '{wrong[0]}'; it may name: {', '.join(choices)}." if wrong else None


def _type_problem(name: str, value: object, default: object) -> str | None:
    if isinstance(default, bool):
        return None if isinstance(value, bool) else f"is '{value}'; it must be true or false."
    if isinstance(default, int):
        low, high = RANGES.get(name, (0, 10_000))
        is_number = isinstance(value, int) and not isinstance(value, bool)
        return (
            None
            if is_number and low <= value <= high
            else f"is '{value}'; it must be a whole number from {low} to {high}."
        )
    if isinstance(default, list):
        return _list_problem(name, value, default)
    return None if isinstance(value, str) else f"is '{value}'; it must be text."


def _list_problem(name: str, value: object, default: list) -> str | None:
    kind = type(default[0])
    is_list = isinstance(value, list) and value and all(type(item) is kind for item in value)
    if not is_list:
        return f"is '{value}'; it must be a list such as {default}."
    if kind is int and not all(1 <= item <= LONGEST_WINDOW for item in value):
        return f"is '{value}'; its numbers must be whole, from 1 to {LONGEST_WINDOW:,}."
    twice = [item for item in value if value.count(item) > 1]
    if twice and name in COUNTED_BY:
        return f"names '{twice[0]}' twice. Keep one: the other would be counted again."
    return None


def _is_date(value: object) -> bool:
    if isinstance(value, dt.datetime):
        return False
    try:
        # Python also takes 20240601 and 2024-W23-1 for a date; the models do not.
        return isinstance(value, dt.date) or dt.date.fromisoformat(str(value)).isoformat() == value
    except ValueError:
        return False


@functools.cache
def _known_zones() -> set[str]:
    # Each call of the library's own function walks through all files of zones.
    return zoneinfo.available_timezones()


def time_zone_problem(value: object) -> str | None:
    """Why a text is no time zone name, with the nearest that is; None where it is one."""
    zones = _known_zones()
    if isinstance(value, str) and value in zones:
        return None
    ordered = sorted(zones, key=lambda zone: (zone.count("/") != 1, zone))
    hint = suggestion(str(value), ordered)
    fix = hint if hint.startswith("Did") else "Use a name such as Asia/Tehran, Europe/Berlin or UTC."
    return f"is '{value}', which is not a time zone. {fix}"
