"""What the environment says, what holds where it says nothing or nonsense, and the memory every engine keeps to."""

import dataclasses
import datetime as dt
from pathlib import Path

import duckdb
import pytest

from dagster_project.loading import engine as loading_engine
from dagster_project.publishing.content import write_marts
from dagster_project.quality import engine as quality_engine
from dagster_project.settings import PROJECT_ROOT, VARIABLES, Settings, SettingsError, load_settings


@pytest.mark.parametrize("environment", [{}, dict.fromkeys(["WAREHOUSE_HOME", "EXTRACTS_DIR", "DBT_TARGET"], "")])
def test_without_a_word_the_sample_is_read_on_duckdb_into_var(environment: dict[str, str]) -> None:
    settings = load_settings(environment)
    assert settings.warehouse_home == PROJECT_ROOT / "var"
    assert settings.extracts_dir == PROJECT_ROOT / "sample" / "extracts"
    assert settings.extracts_config == PROJECT_ROOT / "sample" / "extracts.yml"
    assert settings.dbt_target == "duckdb"


def test_paths_and_engine_are_those_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"WAREHOUSE_HOME": "home", "EXTRACTS_DIR": "in", "EXTRACTS_CONFIG": "in.yml"}.items():
        monkeypatch.setenv(name, str(tmp_path / value))
    monkeypatch.setenv("DBT_TARGET", "spark")
    settings = load_settings()
    assert settings.warehouse_home == tmp_path / "home"
    assert settings.extracts_dir == tmp_path / "in"
    assert settings.extracts_config == tmp_path / "in.yml"
    assert settings.dbt_target == "spark"
    with pytest.raises(SettingsError, match="DBT_TARGET is 'postgres'; it must be one of: duckdb, spark"):
        load_settings({"DBT_TARGET": "postgres"})


def test_every_variable_that_is_read_is_listed() -> None:
    class Remembering(dict[str, str]):
        def get(self, name: str, default: str | None = None) -> str | None:
            asked.add(name)
            return super().get(name, default)

    asked: set[str] = set()
    load_settings(Remembering())
    assert sorted(asked) == list(VARIABLES)


@pytest.mark.parametrize("limit", ["lots", "0GB", "4", "1.5GB", "100%"])
def test_a_limit_that_is_none_is_told(limit: str) -> None:
    with pytest.raises(SettingsError, match="MEMORY_LIMIT is '"):
        load_settings({"MEMORY_LIMIT": limit})


@pytest.mark.parametrize("name", ["RELEASES_TO_KEEP", "MARTS_FRESH_HOURS"])
@pytest.mark.parametrize("value", ["0", "-1", "1.5", "99999999999", "\u0663"])
def test_a_number_that_cannot_be_is_told(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} is '{value}'; it must be a whole number.* from 1 to 99,999"):
        load_settings({name: value})


@pytest.mark.parametrize("place", ["", "inside"])
def test_a_home_where_a_file_is_is_refused(tmp_path: Path, place: str) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(SettingsError, match=f"but {file} is a file. Name a folder"):
        load_settings({"WAREHOUSE_HOME": str(file / place)})


def test_what_is_not_said_is_as_the_settings_say() -> None:
    said = {
        field.name: getattr(load_settings({}), field.name)
        for field in dataclasses.fields(Settings)
        if field.default is not dataclasses.MISSING
    }
    del said["operator"]
    assert said == {name: getattr(Settings, name) for name in said}


def test_loader_and_gates_keep_the_limit_and_spill_into_the_home(tmp_path: Path) -> None:
    settings = load_settings({"WAREHOUSE_HOME": str(tmp_path), "MEMORY_LIMIT": "100MB"})
    asked = "select current_setting('memory_limit'), current_setting('temp_directory')"
    with loading_engine.open_engine(tmp_path / "spill", (tmp_path,), settings.memory_limit) as connection:
        assert connection.execute(asked).fetchall() == [("95.3 MiB", str(tmp_path / "spill"))]
    with quality_engine.open_engine(settings, None) as connection:
        assert connection.execute(asked).fetchall() == [("95.3 MiB", str(tmp_path / "tmp"))]


def test_a_release_is_written_within_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings({"WAREHOUSE_HOME": str(tmp_path), "MEMORY_LIMIT": "100MB"})
    opened = []
    connect = duckdb.connect
    monkeypatch.setattr(duckdb, "connect", lambda **options: opened.append(options["config"]) or connect(**options))
    with connect(str(settings.warehouse_path)) as warehouse:
        warehouse.execute("create schema marts")
    write_marts(settings, tmp_path, [])
    assert [config["memory_limit"] for config in opened] == ["100MB"]
    assert opened[0]["temp_directory"] == str(tmp_path / "tmp")


def test_a_day_to_restate_from_is_read_or_told() -> None:
    assert load_settings({"RESTATE_FROM": "2026-01-31"}).restate_from == dt.date(2026, 1, 31)
    assert load_settings({}).restate_from is None
    with pytest.raises(SettingsError, match=r"RESTATE_FROM is '31\.01\.2026'; it must be a date"):
        load_settings({"RESTATE_FROM": "31.01.2026"})


@pytest.mark.parametrize("name", ["a*", "what?", "[prod]", "{a,b}"])
def test_a_home_that_would_be_read_as_a_pattern_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="which the engines read as patterns"):
        load_settings({"WAREHOUSE_HOME": str(tmp_path / name)})
