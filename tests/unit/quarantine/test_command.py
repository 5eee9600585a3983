"""The command line of the workplace: what it prints, its exit codes."""

import duckdb
import pytest

from dagster_project.__main__ import main
from dagster_project.run_lock import hold_writer_lock
from tests.unit.quarantine.test_listing import CLEAR


@pytest.fixture
def command(shop, monkeypatch):
    """Run `quarantine <arguments>`; returns the exit code."""
    settings = shop.settings
    monkeypatch.setenv("WAREHOUSE_HOME", str(settings.warehouse_home))
    monkeypatch.setenv("EXTRACTS_DIR", str(settings.extracts_dir))
    monkeypatch.setenv("EXTRACTS_CONFIG", str(settings.extracts_config))
    monkeypatch.setenv("OPERATOR", "ada")
    return lambda *arguments: main(["quarantine", *arguments])


def test_a_steward_works_through_the_command_line(shop, command, capsys):
    assert command("list") == 0
    assert "not_a_timestamp:created_at" in capsys.readouterr().out
    assert command("show", "--feed", "crm_customers") == 0
    shown = capsys.readouterr().out
    assert "Created: yesterday" in shown
    assert "Mail: (masked)" in shown
    assert not [word for word in CLEAR if word in shown]
    exported = shop.root / "refused.csv"
    assert command("export", str(exported), "--feed", "orders") == 0
    exported.write_text(exported.read_text(encoding="utf-8-sig").replace("someday", "2025-02-02"))
    assert command("correct", str(exported)) == 0
    assert command("discard", "--reason", "not_a_number") == 0
    capsys.readouterr()
    assert command("list", "--feed", "orders") == 0
    told = capsys.readouterr().out
    assert "not_a_number" not in told.split("Done so far")[0]
    assert [told.count(f"ada  {done}, ") for done in ("export", "correct", "take out")] == [1, 1, 1]


def test_mistakes_are_told_without_a_traceback(command, capsys):
    for arguments in (("list", "--feed", "x'; drop"), ("correct", "nowhere.csv"), ("discard",)):
        assert command(*arguments) == 2
    told = "".join(capsys.readouterr())
    assert "There is no feed" in told
    assert "Say which rows" in told
    assert "Traceback" not in told


def test_a_file_or_a_number_that_cannot_be_is_told(command, capsys):
    assert command("list", "--file", "typo.csv") == 2
    assert "No file 'typo.csv' was ever loaded." in capsys.readouterr().err
    assert command("show", "--reason", "missing:status") == 0
    assert "No row is in quarantine for reason missing:status." in capsys.readouterr().out
    with pytest.raises(SystemExit, match="2"):
        command("show", "--rows", "-1")
    assert "'-1' is no number of rows" in capsys.readouterr().err


def test_a_file_that_a_run_takes_away_meanwhile_is_told(command, capsys, monkeypatch):
    def gone(*_arguments):
        raise duckdb.IOException('No files found that match the pattern "quarantine/a.parquet"')

    for name, action in (("refused_groups", "list"), ("refused_rows", "show")):
        monkeypatch.setattr(f"dagster_project.quarantine.command.{name}", gone)
        assert command(action) == 2
        assert "Look again in a moment." in capsys.readouterr().err


def test_nobody_exports_while_a_run_writes(shop, command, capsys):
    with hold_writer_lock(shop.settings, "run-1", "daily_refresh"):
        assert command("export", str(shop.root / "refused.csv")) == 1
    assert "Another run is writing" in capsys.readouterr().err
    assert not (shop.root / "refused.csv").exists()


def test_a_damaged_lake_is_told_without_a_traceback(shop, command, capsys):
    for entry in shop.settings.ledger_dir.rglob("*.json"):
        entry.unlink()
    assert command("discard", "--feed", "orders") == 1
    assert "Restore the ledger" in capsys.readouterr().err


def test_control_characters_of_a_value_do_not_reach_the_terminal(shop, command, capsys):
    shop.put("orders2.csv", "order_id,ordered_at,status\n1,\x1b[2Jnever,paid\n")
    shop.load()
    assert command("show", "--file", "orders2.csv") == 0
    assert "\x1b" not in capsys.readouterr().out
