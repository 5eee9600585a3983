"""A warehouse that is loaded and built without Dagster and gates, to compare many refreshes with a rebuild.

Belongs here: loading, building, and telling tables apart. Does not belong here: which extracts, and what is expected.
"""

import datetime as dt
import json
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import duckdb

from dagster_project.loading.ledger import read_ledger
from dagster_project.loading.loader import load_extracts
from dagster_project.loading.mapping import load_config
from dagster_project.publishing.inputs import BuildInputs, describe_inputs
from dagster_project.publishing.restatements import ensure_restatements_contract
from dagster_project.quality.history import ensure_contract_file
from dagster_project.settings import DBT_PROJECT_DIR, Settings, load_settings
from dagster_project.transforming.dbt_runner import DbtProject, run_dbt
from dagster_project.transforming.refreshing import Refresh, choose_refresh

_PARSED: dict[str, object] = {}


@dataclass
class Warehouse:
    """A warehouse home, its extracts with their mapping, what was built last, and the engine that builds."""

    folder: Path
    built: BuildInputs | None = None
    dbt_target: str = "duckdb"

    @property
    def extracts(self) -> Path:
        return self.folder / "extracts"

    @property
    def settings(self) -> Settings:
        return load_settings(
            {
                "WAREHOUSE_HOME": str(self.folder / "home"),
                "EXTRACTS_DIR": str(self.extracts),
                "EXTRACTS_CONFIG": str(self.folder / "extracts.yml"),
                "DBT_TARGET": self.dbt_target,
            }
        )

    @cached_property
    def dbt_project(self) -> DbtProject:
        """Parsed once for all builds: what a mapping says of reporting stays as it is when the first one begins."""
        config = load_config(self.settings.extracts_config)
        project = DbtProject(self.settings, config.name, config.variables)
        # What is parsed names no home, so warehouses of equal variables share it: seven seconds each.
        key = json.dumps([config.name, config.variables, self.dbt_target], default=str)
        if key in _PARSED:
            vars(project)["parsed"] = _PARSED[key]
        else:
            _PARSED[key] = project.parsed
        return project

    def refresh(self, restate_from: dt.date | None = None) -> Refresh | None:
        """Load what is new and bring the tables up to date; says how it was done (None: built from nothing)."""
        settings = self.settings
        config = load_config(settings.extracts_config)
        load_extracts(settings, config, lambda _message: None)
        ledger = read_ledger(settings, config.name)
        assert [entry.message for entry in ledger if entry.status == "refused"] == []
        now = describe_inputs(config.name, config.variables, ledger, DBT_PROJECT_DIR)
        refresh = choose_refresh(self.built, now, ledger, restate_from)
        self._build(refresh)
        self.built = now
        return refresh

    def rebuild(self) -> None:
        """Build every table from the raw lake."""
        self._build(None)

    def _build(self, refresh: Refresh | None) -> None:
        ensure_contract_file(self.settings, self.dbt_project.dataset)
        ensure_restatements_contract(self.settings, self.dbt_project.dataset)
        tables = ("--resource-type", "seed", "--resource-type", "model")
        results = run_dbt(self.dbt_project, "build", ["*"], *tables, refresh=refresh)
        assert [(result.name, result.message) for result in results if not result.is_good] == []


def copy_of(warehouse: Warehouse, name: str) -> Path:
    """A copy of the warehouse file as it is now."""
    copy = warehouse.folder / f"{name}.duckdb"
    shutil.copyfile(warehouse.settings.warehouse_path, copy)
    return copy


def differing_tables(one: Path, other: Path) -> dict[str, tuple[int, int]]:
    """Tables of all layers that differ, with the number of rows that only the one or only the other has."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{one}' as one (read_only)")
        connection.execute(f"attach '{other}' as other (read_only)")
        tables = connection.execute(
            "select distinct schema_name || '.' || table_name from duckdb_tables() "
            "where schema_name in ('staging', 'intermediate', 'marts') order by all"
        ).fetchall()
        assert len(tables) > 35
        differing = {}
        for (table,) in tables:
            only = [
                connection.execute(
                    f"select count(*) from (select * from {here}.{table} except all select * from {there}.{table})"
                ).fetchall()[0][0]
                for here, there in (("one", "other"), ("other", "one"))
            ]
            if any(only):
                differing[table] = tuple(only)
        return differing
