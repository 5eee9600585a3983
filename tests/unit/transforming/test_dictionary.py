"""The data dictionary on a small project: words, units, lineage, formulas, and markup in names."""

import json
from pathlib import Path
from typing import Any

import pytest

from dagster_project.transforming.dictionary import Column, Dictionary, read_dictionary

NAME = "model.shop.{}"


def model(name: str, schema: str, description: str, columns: dict[str, str], parents: tuple[str, ...] = ()) -> dict:
    return {
        "resource_type": "model",
        "schema": schema,
        "alias": name,
        "description": description,
        "columns": {
            column: {"name": column, "description": words, "data_type": None} for column, words in columns.items()
        },
        "depends_on": {"nodes": list(parents)},
    }


@pytest.fixture
def manifest() -> dict[str, Any]:
    """One table a layer, a test of its own file, a reader, and a figure over sums."""
    return {
        "nodes": {
            NAME.format("stg_orders"): model(
                "stg_orders",
                "staging",
                "Orders. One row an order.",
                {"order_amount": "Value."},
                ("source.shop.raw.orders",),
            ),
            NAME.format("int_days"): model(
                "int_days", "intermediate", "Days. One row a day.", {}, (NAME.format("stg_orders"),)
            ),
            NAME.format("churn"): model(
                "churn",
                "marts",
                "Who left. One row a month.",
                {"lost_rate": "Lost / S. One row a month.", "lost_customers": "Lost. One row a month."},
                (NAME.format("int_days"),),
            ),
            "test.shop.adds_up": {
                "resource_type": "test",
                "name": "adds_up",
                "description": "It adds up.",
                "depends_on": {"nodes": [NAME.format("churn")]},
            },
        },
        "sources": {"source.shop.raw.orders": {"name": "orders"}},
        "exposures": {
            "exposure.shop.page": {
                "resource_type": "exposure",
                "label": "<b>Page</b>",
                "depends_on": {"nodes": [NAME.format("churn")]},
            }
        },
        "metrics": {
            "metric.shop.lost": {
                "name": "lost",
                "type": "simple",
                "depends_on": {"nodes": ["semantic_model.shop.churn"]},
            },
            "metric.shop.churn_rate": {
                "name": "churn_rate",
                "label": "Churn",
                "description": "Lost / S.",
                "type": "derived",
                "type_params": {
                    "expr": "lost / s",
                    "metrics": [{"name": "scopes"}, {"name": "lost"}, {"name": "s"}],
                },
                "config": {"meta": {"column": "lost_rate"}},
                "depends_on": {"nodes": ["metric.shop.lost"]},
            },
            "metric.shop.lost_customers": {
                "name": "lost_customers",
                "label": "Lost",
                "description": "Lost, with a guard.",
                "type": "derived",
                "type_params": {
                    "expr": "case when scopes = 1 then lost end",
                    "metrics": [{"name": "scopes"}, {"name": "lost"}],
                },
                "config": {"meta": {}},
                "depends_on": {"nodes": ["metric.shop.lost"]},
            },
        },
        "semantic_models": {
            "semantic_model.shop.churn": {"model": "ref('churn')", "depends_on": {"nodes": [NAME.format("churn")]}}
        },
    }


@pytest.fixture
def dictionary(manifest: dict[str, Any], tmp_path: Path) -> Dictionary:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(manifest))
    types = {
        "staging.stg_orders": {"order_amount": "DECIMAL(18,4)", "lost_customers": "BIGINT"},
        "marts.churn": {"lost_rate": "DOUBLE", "lost_customers": "BIGINT"},
    }
    return read_dictionary(path, types)


def test_words_types_and_units_of_columns(dictionary: Dictionary) -> None:
    assert dictionary.tables["marts"][0].columns == [
        Column("lost_rate", "double", "fraction", "Lost / S.", metric="churn_rate"),
        Column("lost_customers", "bigint", "number", "Lost."),
    ]


def test_money_is_in_the_currency_of_the_order_until_it_is_converted(dictionary: Dictionary) -> None:
    assert dictionary.tables["staging"][0].columns[0].unit == "currency of the order"


def test_the_rate_of_a_currency_is_no_fraction_and_its_day_is_a_date(manifest: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(manifest))
    types = {"intermediate.int_days": {"exchange_rate": "DECIMAL(18,8)", "exchange_rate_date": "DATE"}}
    columns = read_dictionary(path, types).tables["intermediate"][0].columns
    assert [column.unit for column in columns] == ["reporting currency for one unit", "date, reporting time zone"]


def test_words_are_borrowed_and_say_from_where(dictionary: Dictionary) -> None:
    assert dictionary.tables["staging"][0].columns[1] == Column(
        "lost_customers", "bigint", "number", "Lost.", borrowed_from="marts.churn"
    )


def test_words_that_differ_are_not_borrowed(manifest: dict[str, Any], tmp_path: Path) -> None:
    manifest["nodes"][NAME.format("int_days")]["columns"] = {
        "lost_customers": {"name": "lost_customers", "description": "Something else.", "data_type": None}
    }
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(manifest))
    found = read_dictionary(path, {"staging.stg_orders": {"lost_customers": "BIGINT"}}).tables["staging"][0].columns
    assert [column.description for column in found] == [""]


def test_where_a_table_comes_from_and_goes_to(dictionary: Dictionary) -> None:
    (churn,), (days,), (orders,) = (
        dictionary.tables["marts"],
        dictionary.tables["intermediate"],
        dictionary.tables["staging"],
    )
    assert (orders.parents, orders.children) == (
        [("raw.orders", "")],
        [("intermediate.int_days", "intermediate.int_days")],
    )
    assert days.parents == [("staging.stg_orders", "staging.stg_orders")]
    assert churn.children == [("<b>Page</b>", "")]


def test_grain_tests_and_formula(dictionary: Dictionary) -> None:
    churn = dictionary.tables["marts"][0]
    assert (churn.description, churn.grain, churn.tests) == ("Who left.", "One row a month.", ["It adds up."])
    assert [(formula.mart, formula.expression) for formula in dictionary.formulas] == [("churn", "lost / s")]


def test_before_the_first_build_the_columns_of_the_project_stand(manifest: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(manifest))
    assert [column.name for column in read_dictionary(path, {}).tables["marts"][0].columns] == [
        "lost_rate",
        "lost_customers",
    ]
