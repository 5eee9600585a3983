"""A dbt project that asks for every case of `macro_cases`.

Belongs here: the project, which has the macros of the warehouse and no model of it. Does not belong here: the cases,
building it on an engine, and comparing.
"""

import shutil
from pathlib import Path

from dagster_project.settings import DBT_PROJECT_DIR
from tests.integration.macro_cases import CASES, LISTED, REPLACEMENTS, REPORTING_TIME_ZONE, SEED, SEED_TYPES, SPANS, Row


def write_project(folder: Path) -> None:
    """The dbt project: a model for each macro and for each way of replacing rows, a seed, and a view over Parquet."""
    models = folder / "models"
    for name in (models / "refresh", folder / "seeds"):
        name.mkdir(parents=True)
    shutil.copytree(DBT_PROJECT_DIR / "macros", folder / "macros")
    shutil.copyfile(DBT_PROJECT_DIR / "profiles.yml", folder / "profiles.yml")
    types = "".join(f"        {name}: {kind}\n" for name, kind in SEED_TYPES.items())
    (folder / "dbt_project.yml").write_text(
        "name: macro_cases\nprofile: customer_retention\n"
        f"vars: {{reporting_time_zone: {REPORTING_TIME_ZONE}}}\n"
        "models: {macro_cases: {+materialized: table, +schema: macro_cases, refresh: {+schema: refresh}}}\n"
        f"seeds:\n  macro_cases:\n    +schema: macro_cases\n    seeded:\n      +column_types:\n{types}"
    )
    (folder / "seeds" / "seeded.csv").write_text(SEED, encoding="utf-8")
    for macro, cases in CASES.items():
        selects = (f"select {number} as number, {{{{ {call} }}}} as result" for number, (call, _) in enumerate(cases))
        (models / f"{macro}.sql").write_text("\nunion all\n".join(selects), encoding="utf-8")
    selects = (
        f"select {number} as number, {{{{ each_date('first_day', 'last_day') }}}} as result\n"
        f"from (select {first} as first_day, {last} as last_day) as span"
        for number, (first, last, _) in enumerate(SPANS)
    )
    (models / "each_date.sql").write_text("\nunion all\n".join(selects))
    (models / "parquet_view.sql").write_text(
        "{% if execute %}{% do run_query('create schema if not exists raw') %}\n"
        "{% set files = env_var('WAREHOUSE_HOME') ~ '/lake/shop__*.parquet' %}\n"
        "{% do run_query(parquet_view_statement('raw.macro_cases', files)) %}{% endif %}\n"
        "select * from raw.macro_cases"
    )
    (models / "refresh" / "listed.sql").write_text(f"select name from {_values([(name,) for name in LISTED], 'name')}")
    columns = "cast(name as varchar(9)) as name, cast(number as integer) as number, cast(word as varchar(9)) as word"
    for name, replacement in REPLACEMENTS.items():
        rows, incoming = _rows(replacement.rows), _rows(replacement.incoming)
        parts = ["materialized='incremental'", "incremental_strategy='replace_rows'", replacement.config]
        (models / f"{name}.sql").write_text(
            f"{{{{ config({', '.join(part for part in parts if part)}) }}}}\n-- depends_on: {{{{ ref('listed') }}}}\n"
            f"select {columns}\nfrom {{% if is_refresh() %}}{incoming}{{% else %}}{rows}{{% endif %}}"
        )


def _rows(rows: list[Row]) -> str:
    columns = "name, number, word"
    if rows:
        return _values(rows, columns)
    return f"(select * from {_values([('none', 0, 'none')], columns)} where number is null) as listed"


def _values(rows: list[tuple], columns: str) -> str:
    """Rows as a relation."""
    lines = (", ".join("null" if value is None else repr(value) for value in row) for row in rows)
    return f"(values {', '.join(f'({line})' for line in lines)}) as listed ({columns})"
