"""What every table of the warehouse means: the content of the data dictionary, from the parsed dbt project.

Belongs here: tables with their columns, tests, parents and children, and the formulas of the semantic layer, as plain
values. Does not belong here: the page (`quality.report`), building tables (`dbt_runner`).
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dagster_project.transforming.catalog import parsed_manifest
from dagster_project.transforming.test_words import describe_test

LAYERS = ("staging", "intermediate", "marts")
# The last sentence of every description.
GRAIN = re.compile(r"\s*(One row\b[^.]*\.)\s*$")
# What a number counts or measures, by the ending of its name; the first that fits.
UNITS = {
    r"_date$|^(period|cohort)_(start|end)$": "date, reporting time zone",
    r"^exchange_rate$": "reporting currency for one unit",
    r"_rate(_|$)|^(csat|ces)(_|$)": "fraction",
    r"_in_order_currency$": "currency of the order",
    r"_(amount|revenue|cost)(_|$)|^revenue_|^aov_|_order_value$|^unit_price$": "reporting currency",
    r"(^|_)(count|customers|size)$|customers_at_|^quantity$": "number",
    r"score_normalised$|^normalised_score$": "0 to 100",
    r"score$": "points of the scale",
    r"_days$|^median_days_": "days",
    r"_years$": "years",
    r"_per_year$": "a year",
    r"_at$": "UTC",
    r"^nps$": "-100 to 100",
}
# A name with such an ending can be a text; its unit would be wrong.
UNITLESS_TYPES = ("varchar", "string", "boolean")


@dataclass(frozen=True)
class Column:
    """A column of a table; `borrowed_from` names the table whose words these are, `metric` the formula, if any."""

    name: str
    data_type: str
    unit: str
    description: str
    borrowed_from: str = ""
    metric: str = ""


@dataclass(frozen=True)
class Table:
    """A table of the warehouse. Its neighbours are (name, place on the page or empty)."""

    name: str
    schema: str
    description: str
    grain: str
    columns: list[Column]
    tests: list[str]
    parents: list[tuple[str, str]]
    children: list[tuple[str, str]]


@dataclass(frozen=True)
class Formula:
    """A figure of the semantic layer: `expression` over sums of columns of `mart`."""

    name: str
    label: str
    description: str
    expression: str
    mart: str


@dataclass(frozen=True)
class Dictionary:
    """Everything that the page says: tables by layer, and formulas."""

    tables: dict[str, list[Table]] = field(default_factory=dict)
    formulas: list[Formula] = field(default_factory=list)


def read_dictionary(manifest_path: Path, types: Mapping[str, Mapping[str, str]]) -> Dictionary:
    """The dictionary of a parsed project; `types` are the columns of each `schema.table` of the warehouse."""
    manifest = parsed_manifest(manifest_path)
    models = {
        unique_id: node
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] == "model" and node["schema"] in LAYERS
    }
    formulas = _formulas(manifest)
    described = _described_columns(models.values())
    tests = defaultdict(list)
    for node in manifest["nodes"].values():
        if node["resource_type"] == "test":
            # A test in a file of its own is about every table it reads.
            attached = node.get("attached_node")
            for unique_id in [attached] if attached else node["depends_on"]["nodes"]:
                tests[unique_id].append(describe_test(node))
    children = _children(manifest)
    tables = defaultdict(list)
    for unique_id, node in sorted(models.items(), key=lambda item: item[1]["alias"]):
        relation = f"{node['schema']}.{node['alias']}"
        text, grain = _without_grain(node["description"])
        tables[node["schema"]].append(
            Table(
                name=node["alias"],
                schema=node["schema"],
                description=text,
                grain=grain,
                columns=_columns(node, types.get(relation, {}), described, formulas),
                tests=sorted(tests[unique_id]),
                parents=_neighbours(manifest, node["depends_on"]["nodes"]),
                children=_neighbours(manifest, children[unique_id]),
            )
        )
    return Dictionary(tables={layer: tables[layer] for layer in LAYERS}, formulas=list(formulas.values()))


def _columns(
    node: Mapping[str, Any],
    types: Mapping[str, str],
    described: Mapping[str, tuple[str, str]],
    formulas: Mapping[tuple[str, str], Formula],
) -> list[Column]:
    """The columns of the warehouse in their order; those of the project where it has not been built yet."""
    columns = []
    for name in types or node["columns"]:
        own = node["columns"].get(name, {"description": "", "data_type": None})
        data_type = (types.get(name) or own["data_type"] or "").lower()
        description, _ = _without_grain(own["description"])
        # A name that is described in one way only means the same here.
        borrowed, source = ("", "") if description else described.get(name, ("", ""))
        formula = formulas.get((node["alias"], name))
        columns.append(
            Column(
                name=name,
                data_type=data_type,
                unit="" if data_type.startswith(UNITLESS_TYPES) else _unit(name, node["schema"]),
                description=description or borrowed,
                borrowed_from=source,
                metric=formula.name if formula else "",
            )
        )
    return columns


def _described_columns(models: Iterable[Mapping[str, Any]]) -> dict[str, tuple[str, str]]:
    """Words and table of each column name that is described in one way only; marts before what they are made of."""
    described: dict[str, tuple[str, str]] = {}
    ambiguous = set()
    for node in sorted(models, key=lambda node: (-LAYERS.index(node["schema"]), node["alias"])):
        for column in node["columns"].values():
            text, _ = _without_grain(column["description"])
            first, _ = described.setdefault(column["name"], (text, f"{node['schema']}.{node['alias']}"))
            if text != first:
                ambiguous.add(column["name"])
    return {name: words for name, words in described.items() if name not in ambiguous}


def _formulas(manifest: Mapping[str, Any]) -> dict[tuple[str, str], Formula]:
    """The derived metrics by mart and column of the mart, which has the metric's name unless its meta says another."""
    formulas = {}
    for metric in sorted(manifest["metrics"].values(), key=lambda metric: metric["name"]):
        # One that has a single input besides its guard is a sum, no formula.
        if metric["type"] != "derived" or len(metric["type_params"]["metrics"]) <= 2:
            continue
        mart = _mart_of(manifest, metric)
        formula = Formula(
            name=metric["name"],
            label=metric["label"],
            description=metric["description"],
            expression=metric["type_params"]["expr"],
            mart=mart,
        )
        formulas[mart, metric["config"]["meta"].get("column", metric["name"])] = formula
    return formulas


def _mart_of(manifest: Mapping[str, Any], metric: Mapping[str, Any]) -> str:
    part = metric
    while "model" not in part:
        unique_id = part["depends_on"]["nodes"][0]
        part = manifest["metrics"].get(unique_id) or manifest["semantic_models"][unique_id]
    return manifest["nodes"][part["depends_on"]["nodes"][0]]["alias"]


def _children(manifest: Mapping[str, Any]) -> dict[str, list[str]]:
    children = defaultdict(list)
    for kind in ("nodes", "exposures"):
        for unique_id, node in manifest[kind].items():
            if node["resource_type"] in ("model", "exposure"):
                for parent in node["depends_on"]["nodes"]:
                    children[parent].append(unique_id)
    return children


def _neighbours(manifest: Mapping[str, Any], unique_ids: Iterable[str]) -> list[tuple[str, str]]:
    """Names as people know them: a table as `schema.table`, a feed as `raw.<feed>`, a reader by its label."""
    found = set()
    for unique_id in unique_ids:
        if unique_id in manifest["exposures"]:
            found.add((manifest["exposures"][unique_id]["label"], ""))
        elif unique_id in manifest["sources"]:
            found.add((f"raw.{manifest['sources'][unique_id]['name']}", ""))
        else:
            node = manifest["nodes"][unique_id]
            name = f"{node['schema']}.{node['alias']}"
            found.add((name, name if node["schema"] in LAYERS else ""))
    return sorted(found)


def _without_grain(description: str) -> tuple[str, str]:
    text = " ".join(description.split())
    found = GRAIN.search(text)
    return (text[: found.start()], found[1]) if found else (text, "")


def _unit(name: str, schema: str) -> str:
    unit = next((unit for pattern, unit in UNITS.items() if re.search(pattern, name)), "")
    # Money is converted after staging. What a customer cost has no currency in the CRM.
    is_delivered = schema == "staging" and unit == "reporting currency" and name != "acquisition_cost"
    return "currency of the order" if is_delivered else unit
