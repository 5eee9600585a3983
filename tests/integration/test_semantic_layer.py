"""dbt's semantic layer: what MetricFlow answers on a release of the sample is what the marts say."""

import datetime as dt
import json
import math
import shutil
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dbt.cli.main import dbtRunner
from dbt_metricflow.cli.cli_configuration import CLIConfiguration
from metricflow.engine.metricflow_engine import MetricFlowQueryRequest

from dagster_project.settings import DBT_PROJECT_DIR
from dagster_project.transforming.dbt_runner import _release_warehouse

Rows = list[tuple]
Answer = list[dict[str, object]]
Ask = Callable[..., Answer]
Query = Callable[[str], Rows]

PERIOD_AND_SEGMENT = {
    "period_grain": "{}__period_grain",
    "period_start": "metric_time__day",
    "segment_type": "{}__segment_type",
    "segment_value": "{}__segment_value",
}
# By mart: the entity of its semantic model; its key, as column of the mart and as name in a question; its figures, as
# metric and column of the mart where the names differ.
MARTS: dict[str, tuple[str, dict[str, str], list[str] | dict[str, str]]] = {
    "retention_by_period": (
        "retention",
        PERIOD_AND_SEGMENT | {"activity_definition": "{}__activity_definition"},
        [
            "retention_rate",
            "retention_rate_excl_reactivated",
            "customers_at_start",
            "customers_at_end",
            "new_customers",
            "retained_customers",
        ],
    ),
    "churn_by_period": (
        "churn",
        PERIOD_AND_SEGMENT | {"activity_definition": "{}__activity_definition"},
        {
            "churn_rate": "churn_rate",
            "new_customer_churn_rate": "new_customer_churn_rate",
            "gross_revenue_churn_rate": "gross_revenue_churn_rate",
            "net_revenue_churn_rate": "net_revenue_churn_rate",
            "gross_revenue_retention_rate": "gross_revenue_retention_rate",
            "net_revenue_retention_rate": "net_revenue_retention_rate",
            "net_revenue_retention_rate_incl_reactivation": "net_revenue_retention_rate_incl_reactivation",
            "customers_exposed_to_churn": "customers_at_start",
            "lost_customers": "lost_customers",
            "new_customers_at_start": "new_customers_at_start",
            "lost_new_customers": "lost_new_customers",
            "revenue_at_start": "revenue_at_start",
            "churned_revenue": "churned_revenue",
            "contraction_revenue": "contraction_revenue",
            "expansion_revenue": "expansion_revenue",
            "reactivation_revenue": "reactivation_revenue",
        },
    ),
    "order_value_by_period": (
        "orders",
        PERIOD_AND_SEGMENT,
        [
            "aov_gross",
            "aov_net",
            "aov_net_after_refunds",
            "purchase_frequency",
            "repeat_purchase_rate",
            "order_count",
            "valued_order_count",
            "anonymous_order_count",
            "buyer_count",
            "repeat_buyer_count",
            "gross_amount",
            "net_amount",
            "net_amount_after_refunds",
        ],
    ),
    "csat_by_period": (
        "answers",
        PERIOD_AND_SEGMENT
        | {"metric": "{}__survey_metric", "survey_id": "{}__survey_id", "touchpoint": "{}__touchpoint"},
        ["response_rate", "invited_count", "valid_answer_count", "positive_answer_count", "detractor_count"],
    ),
    "retention_by_cohort": (
        "cohort",
        {
            "cohort_grain": "{}__cohort_grain",
            "cohort_start": "metric_time__day",
            "period_index": "{}__period_index",
            "segment_type": "{}__segment_type",
            "segment_value": "{}__segment_value",
        },
        {
            "cohort_retention_rate": "retention_rate",
            "cohort_retention_or_later_rate": "retention_or_later_rate",
            "cohort_cumulative_net_amount_per_customer": "cumulative_net_amount_per_customer",
            "cohort_customers": "cohort_size",
            "cohort_active_customers": "active_customers",
            "cohort_active_or_later_customers": "active_or_later_customers",
            "cohort_cumulative_net_amount": "cumulative_net_amount",
        },
    ),
}
SURVEY_FIGURES = ["csat", "nps", "ces"]
LIFETIME_FIGURES = ["average_lifetime_value", "lifetime_value_amount", "customers_with_lifetime_value"]
# By entity, what has to be chosen before its rows may be added up.
CHOICES = {
    "retention": {"period_grain": "month", "activity_definition": "purchase", "segment_type": "all"},
    "churn": {"period_grain": "month", "activity_definition": "purchase", "segment_type": "all"},
    "orders": {"period_grain": "month", "segment_type": "all"},
    "answers": {
        "period_grain": "month",
        "segment_type": "all",
        "survey_metric": "csat",
        "survey_id": "all",
        "touchpoint": "all",
    },
    "cohort": {"cohort_grain": "month", "period_index": "0", "segment_type": "all"},
    "lifetime_value": {"clv_method": "historic"},
}
# Counts of people, and revenue of people: over several periods a person would count twice.
FIGURES_OF_ONE_PERIOD = {
    "retention": ["customers_at_start", "customers_at_end", "new_customers", "retained_customers"],
    "churn": [
        "customers_exposed_to_churn",
        "lost_customers",
        "new_customers_at_start",
        "lost_new_customers",
        "revenue_at_start",
        "churned_revenue",
        "contraction_revenue",
        "expansion_revenue",
        "reactivation_revenue",
    ],
    "orders": ["buyer_count", "repeat_buyer_count"],
}


@pytest.fixture(scope="module")
def project(sample_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the dbt project, parsed for the release as docs/bi.md says: MetricFlow reads its target folder."""
    folder = tmp_path_factory.mktemp("semantic") / "dbt"
    shutil.copytree(DBT_PROJECT_DIR, folder, ignore=shutil.ignore_patterns("target", "logs"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WAREHOUSE_HOME", str(sample_home))
        patch.setenv("DBT_TARGET", "release")
        patch.setenv("DBT_PROFILES_DIR", str(folder))
        patch.chdir(folder)
        assert dbtRunner().invoke(["--quiet", "parse"]).success
        yield folder
    _release_warehouse()


@pytest.fixture(scope="module")
def ask(project: Path) -> Ask:
    """Asks MetricFlow as `mf query` does, in this process; returns rows by name of the column."""
    configuration = CLIConfiguration()
    configuration.setup(dbt_profiles_path=project, dbt_project_path=project, configure_file_logging=False)

    def answer(**question: Any) -> Answer:
        table = configuration.mf.query(MetricFlowQueryRequest.create(**question)).result_df
        assert table is not None
        return [dict(zip(table.column_names, map(_plain, row), strict=True)) for row in table.rows]

    return answer


@pytest.fixture(scope="module")
def query(sample_home: Path) -> Iterator[Query]:
    """Rows of the marts, read the plain way from their Parquet files: this process has `marts.duckdb` open for dbt."""
    release = sample_home / "published" / "current"
    with duckdb.connect() as connection:
        for mart in [*MARTS, "customer_lifetime_value", "dim_customer"]:
            connection.execute(f"create view {mart} as from '{release / mart}.parquet'")
        yield lambda sql: [tuple(map(_plain, row)) for row in connection.execute(sql).fetchall()]


def _plain(value: object) -> object:
    """MetricFlow gives times for dates, NaN for NULL; the marts give decimals."""
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, Decimal):
        return float(value)
    return None if isinstance(value, float) and math.isnan(value) else value


def assert_equal(found: Answer, wanted: Rows, key: list[str], figures: list[str]) -> None:
    """The same rows by key; amounts of the marts are rounded to six decimals."""
    found_by_key = {tuple(row[name] for name in key): [row[name] for name in figures] for row in found}
    assert len(found_by_key) == len(found) == len(wanted)
    differing = [row for row in wanted if not all(map(_same, found_by_key[row[: len(key)]], row[len(key) :]))]
    assert differing == []


def _same(found: float | None, wanted: float | None) -> bool:
    if found is None or wanted is None:
        return found is wanted
    return math.isclose(found, wanted, rel_tol=1e-12, abs_tol=1e-6)


@pytest.mark.parametrize("mart", MARTS)
def test_every_row_of_a_mart_has_the_same_figures(ask: Ask, query: Query, mart: str) -> None:
    entity, key, figures = MARTS[mart]
    metrics = dict(zip(figures, figures, strict=True)) if isinstance(figures, list) else figures
    wanted = query(f"select {', '.join([*key, *metrics.values()])} from {mart}")
    assert len(wanted) > 100
    names = [name.format(entity) for name in key.values()]
    assert_equal(ask(metric_names=list(metrics), group_by_names=names), wanted, names, list(metrics))


@pytest.mark.parametrize("figure", SURVEY_FIGURES)
def test_a_figure_of_surveys_is_asked_of_its_own_answers_only(ask: Ask, query: Query, figure: str) -> None:
    entity, key, _ = MARTS["csat_by_period"]
    wanted = query(f"select {', '.join(key)}, {figure} from csat_by_period where metric = '{figure}'")
    assert len(wanted) > 100
    names = [name.format(entity) for name in key.values()]
    assert_equal(ask(metric_names=[figure], group_by_names=names), wanted, names, [figure])


def test_average_lifetime_value_by_segment(ask: Ask, query: Query) -> None:
    wanted = query(
        "select clv_method, segment, avg(cast(clv_amount as double)), count(clv_amount) "
        "from customer_lifetime_value join dim_customer using (customer_id) group by all"
    )
    assert len(wanted) > 8
    assert_equal(
        ask(saved_query_name="lifetime_value_by_segment"),
        wanted,
        ["lifetime_value__clv_method", "customer__segment"],
        ["average_lifetime_value", "customers_with_lifetime_value"],
    )


def figures_of(entity: str) -> list[str]:
    """The public metrics of a semantic model, those of surveys among them."""
    if entity == "lifetime_value":
        return LIFETIME_FIGURES
    (figures,) = [list(metrics) for name, _, metrics in MARTS.values() if name == entity]
    return figures + (SURVEY_FIGURES if entity == "answers" else [])


def chosen(entity: str, choices: dict[str, str]) -> list[str]:
    return [f"{{{{ Dimension('{entity}__{name}') }}}} = '{value}'" for name, value in choices.items()]


def test_every_figure_is_compared(project: Path) -> None:
    manifest = json.loads((project / "target" / "semantic_manifest.json").read_text(encoding="utf-8"))
    public = {metric["name"] for metric in manifest["metrics"] if not metric["name"].endswith(("_added_up", "_scopes"))}
    assert public == {figure for entity in CHOICES for figure in figures_of(entity)}


def test_values_of_a_segment_type_add_up(ask: Ask, query: Query) -> None:
    where = "period_grain = 'month' and activity_definition = 'window_90' and segment_type = 'country'"
    wanted = query(
        f"select period_start, sum(lost_customers) / sum(customers_at_start) "
        f"from churn_by_period where {where} group by 1"
    )
    found = ask(
        metric_names=["churn_rate"],
        group_by_names=["metric_time"],
        where_constraints=[
            "{{ Dimension('churn__period_grain') }} = 'month'",
            "{{ Dimension('churn__activity_definition') }} = 'window_90'",
            "{{ Dimension('churn__segment_type') }} = 'country'",
        ],
    )
    assert_equal(found, wanted, ["metric_time__day"], ["churn_rate"])


@pytest.mark.parametrize(
    ("entity", "forgotten"), [(entity, name) for entity, choices in CHOICES.items() for name in choices]
)
def test_rows_that_must_not_be_added_up_have_no_figure(ask: Ask, entity: str, forgotten: str) -> None:
    choices = {name: value for name, value in CHOICES[entity].items() if name != forgotten}
    figures = figures_of(entity)
    if forgotten == "survey_metric":
        # These choose it by themselves.
        figures = [figure for figure in figures if figure not in SURVEY_FIGURES]
    assert ask(metric_names=figures, where_constraints=chosen(entity, choices)) == [dict.fromkeys(figures)]


@pytest.mark.parametrize("entity", CHOICES)
def test_people_are_not_added_up_over_periods_and_all_else_is(ask: Ask, entity: str) -> None:
    figures = figures_of(entity)
    if entity == "answers":
        figures = [figure for figure in figures if figure not in ("nps", "ces")]
    (row,) = ask(metric_names=figures, where_constraints=chosen(entity, CHOICES[entity]))
    unanswered = [figure for figure, value in row.items() if value is None]
    assert sorted(unanswered) == sorted(FIGURES_OF_ONE_PERIOD.get(entity, []))


def test_orders_of_several_periods_add_up(ask: Ask, query: Query) -> None:
    wanted = query(
        "select date_trunc('year', period_start), sum(order_count), sum(net_amount), "
        "sum(net_amount) / sum(valued_order_count), sum(repeat_buyer_count) / sum(buyer_count) "
        "from order_value_by_period where period_grain = 'month' and segment_type = 'all' group by 1"
    )
    figures = ["order_count", "net_amount", "aov_net", "repeat_purchase_rate"]
    where = chosen("orders", CHOICES["orders"])
    found = ask(metric_names=figures, group_by_names=["metric_time__year"], where_constraints=where)
    assert len(found) > 1
    assert_equal(found, wanted, ["metric_time__year"], figures)


@pytest.mark.parametrize(
    ("saved", "mart", "where", "metric"),
    [
        ("retention_by_month", "retention_by_period", "true", "retention_rate"),
        ("churn_by_month", "churn_by_period", "true", "churn_rate"),
        ("order_value_by_month", "order_value_by_period", "true", "aov_net"),
        ("satisfaction_by_month", "csat_by_period", "metric = 'csat' and survey_id = 'all'", "csat"),
    ],
)
def test_a_saved_question_is_a_part_of_the_mart(
    ask: Ask, query: Query, saved: str, mart: str, where: str, metric: str
) -> None:
    wanted = query(f"select {metric} from {mart} where period_grain = 'month' and segment_type = 'all' and {where}")
    found = [row[metric] for row in ask(saved_query_name=saved)]
    assert len(found) > 10
    assert sorted(found, key=str) == pytest.approx(sorted((row[0] for row in wanted), key=str))
