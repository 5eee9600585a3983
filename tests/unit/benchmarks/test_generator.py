"""The generator: the same plan gives the same bytes, and the truth beside the files is what the files hold."""

import csv
import gzip
import json
from collections import Counter, defaultdict
from pathlib import Path

import duckdb
import pytest

from benchmarks.bad_rows import BAD_ROWS
from benchmarks.generate import main
from benchmarks.generator import SQL_DIR, GeneratorError, Plan, generate
from dagster_project.loading.mapping import load_config
from dagster_project.settings import PROJECT_ROOT

SAMPLE = PROJECT_ROOT / "sample"
KEYS = {
    "crm_customers": ("customer_id", "updated_at"),
    "crm_tickets": ("ticket_id",),
    "orders": ("order_id",),
    "order_lines": ("order_id", "line_number"),
    "order_refunds": ("refund_id",),
    "survey_responses": ("invitation",),
    "fx_rates": ("rate_date", "currency"),
}
GENERATED = ("extracts", "extracts.yml", "truth.json")


def contents(folder: Path) -> dict[str, bytes]:
    """Path -> bytes of everything that the generator writes in a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] in GENERATED
    }


def rows_by_file(folder: Path, feed: str) -> dict[str, list[dict[str, str]]]:
    """File name -> its rows, bad ones left out, in the order of delivery."""
    rows = {}
    for path in sorted((folder / "extracts" / feed).iterdir()):
        text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        lines = text.decode("utf-8").splitlines()
        bad_lines = {row.text for row in BAD_ROWS.get(feed, ())}
        good_lines = [line for line in lines if line not in bad_lines]
        rows[path.name] = list(csv.DictReader(good_lines, delimiter=";" if feed == "order_refunds" else ","))
    return rows


@pytest.fixture(scope="module")
def daily(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    """A small daily delivery and its truth."""
    folder = tmp_path_factory.mktemp("daily")
    generate(Plan(orders=2_000, seed=7, days=90), folder)
    return folder, json.loads((folder / "truth.json").read_text(encoding="utf-8"))


def test_sample_is_made_by_the_generator_byte_for_byte(tmp_path: Path) -> None:
    plan = json.loads((SAMPLE / "truth.json").read_text(encoding="utf-8"))["plan"]
    generate(Plan(orders=plan["orders"], seed=plan["seed"], delivery=plan["delivery"], name="sample"), tmp_path)
    made, committed = contents(tmp_path), contents(SAMPLE)
    assert sorted(made) == sorted(committed)
    assert [name for name in made if made[name] != committed[name]] == []


def test_sample_is_small_enough_to_commit() -> None:
    assert sum(len(content) for content in contents(SAMPLE).values()) <= 2_500_000


def test_another_seed_gives_other_orders(daily: tuple[Path, dict], tmp_path: Path) -> None:
    generate(Plan(orders=2_000, seed=8, days=90), tmp_path)
    assert rows_by_file(tmp_path, "orders") != rows_by_file(daily[0], "orders")


@pytest.mark.parametrize("feed", KEYS)
def test_truth_counts_what_the_files_hold(daily: tuple[Path, dict], feed: str) -> None:
    folder, truth = daily
    files = rows_by_file(folder, feed)
    rows = [row for file_rows in files.values() for row in file_rows]
    counts = truth["feeds"][feed]
    assert len(files) == counts["files"]
    assert len(rows) == counts["accepted"] == counts["rows"] - counts["quarantined"]
    key_columns = KEYS[feed][:1] if feed == "crm_customers" else KEYS[feed]
    assert len({tuple(row[column] for column in key_columns) for row in rows}) == counts["keys"]
    assert sum(counts["quarantined_by_reason"].values()) == len(BAD_ROWS.get(feed, ()))


@pytest.mark.parametrize("feed", KEYS)
def test_repeats_are_exact_and_corrections_come_in_a_later_file(daily: tuple[Path, dict], feed: str) -> None:
    folder, truth = daily
    deliveries = defaultdict(list)
    for name, rows in rows_by_file(folder, feed).items():
        for row in rows:
            deliveries[tuple(row[column] for column in KEYS[feed])].append((name, tuple(row.values())))
    outcome = Counter()
    for versions in deliveries.values():
        assert len(versions) <= 2
        if len(versions) == 2:
            (first_file, first_row), (second_file, second_row) = versions
            outcome["repeated" if first_row == second_row else "corrected"] += 1
            assert first_row == second_row or first_file < second_file
    # A correction may happen to change nothing that is exported, never the other way round.
    counts = truth["feeds"][feed]
    assert outcome["repeated"] + outcome["corrected"] == counts["repeated"] + counts["corrected"]
    assert outcome["corrected"] <= counts["corrected"]


def test_months_of_the_truth_add_up(daily: tuple[Path, dict]) -> None:
    truth = daily[1]
    assert sum(month["valid_orders"] for month in truth["months"]) == truth["orders"]["valid"]
    assert sum(month["new_customers"] for month in truth["months"]) == truth["customers"]["buyers"]
    assert truth["orders"]["valid_purchases"] + truth["orders"]["anonymous"] == truth["orders"]["valid"]
    assert truth["orders"]["valid"] + sum(truth["orders"]["excluded"].values()) == truth["feeds"]["orders"]["keys"]


def test_every_hard_case_occurs_in_the_sample() -> None:
    truth = json.loads((SAMPLE / "truth.json").read_text(encoding="utf-8"))
    orders, customers = truth["orders"], truth["customers"]
    assert set(orders["excluded"]) == {
        "fully_refunded", "status_cancelled", "status_test", "status_unavailable", "zero_value"
    }  # fmt: skip
    assert min(orders["anonymous"], orders["unknown_value"], customers["merged_records"], customers["reopenings"]) > 0
    assert len(customers["closures_by_reason"]) >= 5
    assert all(survey["dropped_duplicates"] > 0 for survey in truth["surveys"])
    # Few tickets: none of them has to cross the end of a month on its way.
    late = {feed: counts["late"] for feed, counts in truth["feeds"].items() if feed not in ("fx_rates", "crm_tickets")}
    assert min(late.values()) > 0, late


def test_people_are_visibly_fictitious() -> None:
    people = [row for rows in rows_by_file(SAMPLE, "crm_customers").values() for row in rows]
    assert {row["email"].partition("@")[2] for row in people} == {"example.com"}
    assert all(row["full_name"].startswith("Sample Person ") and row["phone"].startswith("+000 ") for row in people)


@pytest.mark.parametrize(
    ("delivery", "names"),
    [
        ("daily", ["2026-10-29.csv", "2026-10-30.csv", "2026-10-31.csv"]),
        ("monthly", ["2026-08-31.csv", "2026-09-30.csv", "2026-10-31.csv"]),
        ("history_and_day", ["2026-09-30.csv", "2026-10-30.csv", "2026-10-31.csv"]),
    ],
)
def test_files_are_named_for_the_last_day_they_hold(delivery: str, names: list[str], tmp_path: Path) -> None:
    generate(Plan(orders=2_000, days=90, delivery=delivery), tmp_path)
    rows = rows_by_file(tmp_path, "orders")
    assert list(rows)[-3:] == names
    assert all(row["ordered_at"][:10] <= name[:10] for name in rows for row in rows[name])


def test_mapping_beside_the_files_is_valid(daily: tuple[Path, dict]) -> None:
    config = load_config(daily[0] / "extracts.yml")
    assert config.name == "generated"
    assert {source.feed for source in config.sources} == set(KEYS)


def test_a_folder_with_files_is_left_alone(daily: tuple[Path, dict], capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(daily[0])
    assert main(["--orders", "2e3", "--days", "90", "--out", str(daily[0])]) == 2
    assert "is not empty" in capsys.readouterr().err
    assert contents(daily[0]) == before


@pytest.mark.parametrize("plan", [Plan(orders=10), Plan(orders=1000, days=5), Plan(orders=1000, delivery="hourly")])
def test_plans_that_cannot_work_are_refused(plan: Plan, tmp_path: Path) -> None:
    with pytest.raises(GeneratorError):
        generate(plan, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_more_than_ten_million_customers_have_ids_of_their_own() -> None:
    with duckdb.connect() as connection:
        connection.execute("set variable start_date = date '2024-01-01'")
        connection.execute((SQL_DIR / "1_macros.sql").read_text())
        numbers = "unnest([12, 9_999_999, 10_000_000, 10_000_009, 123_456_789])"
        ids = connection.execute(f"select customer_id_of({numbers})").fetchall()
    assert ids == [("C0000012",), ("C9999999",), ("C10000000",), ("C10000009",), ("C123456789",)]
