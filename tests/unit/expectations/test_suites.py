"""What holds for all suites: no table is forgotten, rules have names and words, importing is cheap."""

import subprocess
import sys

import pytest

from dagster_project.loading.contracts import load_feeds
from dagster_project.quality.gates import suites_of
from dagster_project.quality.results import STAGES
from dagster_project.settings import DBT_PROJECT_DIR, PROJECT_ROOT
from tests.extracts.broken.meaning import KEYS, MEANING

# Made after the gate of the marts, about the build itself; dbt tests them.
WITHOUT_SUITE = {"marts.data_quality", "marts.metric_restatements"}


def test_every_feed_has_a_suite():
    assert [suite.table for suite in suites_of("raw")] == [f"raw.{feed}" for feed in load_feeds()]


@pytest.mark.parametrize("stage", STAGES[1:])
def test_every_model_has_a_suite_and_every_suite_a_model(stage):
    models = {f"{stage}.{path.stem}" for path in (DBT_PROJECT_DIR / "models" / stage).glob("*.sql")}
    assert {suite.table for suite in suites_of(stage)} == models - WITHOUT_SUITE


@pytest.mark.parametrize("stage", STAGES)
def test_rules_are_named_once_and_explained(stage):
    for suite in suites_of(stage):
        rules = [expectation.meta["rule"] for expectation in suite.expectations]
        assert len(rules) == len(set(rules)), suite.table
        for expectation in suite.expectations:
            assert expectation.description.endswith("."), (suite.table, expectation.meta["rule"])
            # GX fills in what stands behind a dollar sign.
            assert "$" not in expectation.description
            assert expectation.severity.value in ("critical", "warning")


def test_unknown_stage_and_table_are_named():
    with pytest.raises(ValueError, match="There is no gate for 'silver'"):
        suites_of("silver")
    with pytest.raises(ValueError, match=r"No suite in expectations/raw.py for: raw.nothing"):
        suites_of("raw", ["raw.orders", "raw.nothing"])
    assert [suite.table for suite in suites_of("raw", ["raw.orders"])] == ["raw.orders"]


def test_importing_the_gates_does_not_import_great_expectations():
    code = "import sys, expectations, dagster_project.quality.gates; print('great_expectations' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"


def test_great_expectations_comes_without_what_no_suite_uses():
    code = (
        "import sys; from dagster_project.quality.importing import import_great_expectations as load; load(); "
        "print(sorted({'pyspark', 'scipy', 'altair'} & sys.modules.keys()))"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_what_the_loader_rightly_lets_through_has_a_rule_of_its_own():
    rules = {rule.meta["rule"] for stage in STAGES[1:] for suite in suites_of(stage) for rule in suite.expectations}
    judged_later = {case.name: case.judged_later for case in [*KEYS, *MEANING] if case.judged_later}
    assert len(judged_later) > 10
    assert [name for name, ending in judged_later.items() if not any(rule.endswith(ending) for rule in rules)] == []
