"""The benchmark runner: what is measured in which order, that it notices wrong figures, and what it writes."""

import os
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import run
from benchmarks.baseline import run_baseline
from benchmarks.generator import LAST_DAY, Plan, generate
from benchmarks.measuring import CommandFailedError, Measurement, folder_bytes, measure
from benchmarks.report import growth_exponent, machine, write_results
from benchmarks.run import DisagreementError, main, measure_size
from benchmarks.size_results import SizeResult, keep_result, kept_results

SMALLEST = 1_000
PARTS = {"start-up": 5.0, "load": 1.0, "transform": 2.0, "validate": 1.0, "publish": 1.0}
FIXED = {"step gate_raw": 4.0, "between the steps": 2.0}


def publish_what_the_baseline_finds(extracts: Path, home: Path) -> None:
    """Stands in for a refresh: a release with the marts of the extracts that are there now."""
    release = home / "published" / "releases" / str(len(list(home.rglob("csat_by_period.parquet"))))
    run_baseline(extracts, release)
    current = home / "published" / "current"
    current.unlink(missing_ok=True)
    current.symlink_to(release)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """Commands in order, each with whether the last day's orders were there; done in this process, without Dagster."""
    done = []

    def stand_in(command: list[str], environment: dict[str, str], log: Path) -> Measurement:
        folder = log.parent
        extracts = Path(environment["EXTRACTS_DIR"])
        if "benchmarks.generate" in command:
            generate(Plan(SMALLEST, days=120, delivery="history_and_day"), folder)
        elif "benchmarks.baseline" in command:
            run_baseline(extracts, Path(command[-1]))
        else:
            publish_what_the_baseline_finds(extracts, Path(environment["WAREHOUSE_HOME"]))
        done.append((log.stem, (extracts / "orders" / f"{LAST_DAY}.csv").exists()))
        return Measurement(2.0, 1.5, 10_000_000)

    monkeypatch.setattr(run, "measure", stand_in)
    monkeypatch.setattr(run, "seconds_by_part", lambda _home, _seconds: dict(PARTS))
    monkeypatch.setattr(run, "fixed_seconds", lambda _home, _measured: dict(FIXED))
    monkeypatch.setattr(run, "import_seconds", lambda: {"Dagster": 1.0})
    return done


def test_the_new_day_arrives_after_the_rebuild_and_all_is_checked(measured: list, tmp_path: Path) -> None:
    result = measure_size(SMALLEST, tmp_path / "size")
    assert measured == [
        ("making_extracts", True),
        ("baseline", False),
        ("full_rebuild", False),
        ("one_new_day", True),
        ("checking_with_another_baseline", True),
        ("nothing_new", True),
    ]
    assert list(result.measured) == ["baseline", "full rebuild", "one new day", "nothing new"]
    assert list(result.parts) == ["full rebuild", "one new day", "nothing new"]
    assert result.extracts_bytes > 10_000
    assert result.home_bytes > 1_000
    assert not (tmp_path / "size").exists()


def test_a_refresh_that_overlooks_the_new_day_stops_the_benchmark(
    measured: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    in_time = run.measure

    def lazy(command: list[str], environment: dict[str, str], log: Path) -> Measurement:
        return Measurement(1.0, 1.0, 1) if log.stem == "one_new_day" else in_time(command, environment, log)

    monkeypatch.setattr(run, "measure", lazy)
    with pytest.raises(DisagreementError, match="does not say what the baseline finds"):
        measure_size(SMALLEST, tmp_path / "size")
    assert main(["--sizes", f"{SMALLEST}", "--work", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert "retention_by_period" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_sizes_that_are_no_numbers_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--sizes", "1e6,many"]) == 2
    assert "'1e6,many'" in capsys.readouterr().err


def test_memory_of_children_and_time_of_the_processor_count(tmp_path: Path) -> None:
    child = "import time; block = bytearray(60_000_000); time.sleep(0.6)"
    parent = (
        "import subprocess, sys; block = bytearray(60_000_000); "
        f"subprocess.run([sys.executable, '-c', {child!r}], check=True); sum(range(5_000_000))"
    )
    taken = measure([sys.executable, "-c", parent], {}, tmp_path / "log")
    assert taken.seconds > 0.6
    assert 0.05 < taken.cpu_seconds < taken.seconds * (os.cpu_count() or 1)
    assert 120_000_000 < taken.memory_bytes < 400_000_000


def test_a_command_that_fails_says_what_it_printed(tmp_path: Path) -> None:
    with pytest.raises(CommandFailedError, match="ended with 3:\nno such extracts"):
        measure([sys.executable, "-c", "print('no such extracts'); exit(3)"], {}, tmp_path / "log")


def test_disk_counts_files_once_whatever_links_to_them(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to(tmp_path / "a", target_is_directory=True)
    assert folder_bytes(tmp_path) == 5


def test_growth_in_proportion_has_exponent_one() -> None:
    assert growth_exponent((1e6, 10), (1e7, 100)) == pytest.approx(1)
    assert growth_exponent((1e6, 10), (1e8, 1000)) == pytest.approx(1)
    assert growth_exponent((1e6, 10), (1e7, 10)) == pytest.approx(0)


@pytest.fixture
def results() -> Callable[[int], list[SizeResult]]:
    """Results of as many sizes, each ten times the one before, in proportion."""

    def make(count: int) -> list[SizeResult]:
        found = []
        for factor in (10**index for index in range(count)):
            seconds = {"baseline": 10.0, "full rebuild": 20.0, "one new day": 6.0, "nothing new": 5.0}
            measured = {
                name: Measurement(one * factor, one * factor, 1_000_000 * factor) for name, one in seconds.items()
            }
            parts = {name: PARTS for name in seconds if name != "baseline"}
            found.append(
                SizeResult(
                    1_000_000 * factor, 5_000_000, machine(), 7_000_000, measured, parts, FIXED, {"Dagster": 1.0}
                )
            )
        return found

    return make


def test_sizes_measured_one_by_one_stand_side_by_side(results: Callable, tmp_path: Path) -> None:
    smaller, larger = results(2)
    keep_result(larger, tmp_path)
    keep_result(replace(smaller, home_bytes=1), tmp_path)
    keep_result(smaller, tmp_path)
    assert kept_results(tmp_path) == [smaller, larger]


def test_the_page_says_ratios_shares_and_growth(results: Callable, tmp_path: Path) -> None:
    page = write_results(results(3), tmp_path).read_text()
    assert "| 1,000,000 | full rebuild | 20.0 | 20.0 | 2.00 | 100.0% | 1 |" in page
    assert "| 1,000,000 | 2.00 | 5.0% | 5.0 | 5.0% | 1 |" in page
    assert "| 1,000,000 | full rebuild | 5.0 (50%) | 1.0 (10%) | 2.0 (20%) | 1.0 (10%) | 1.0 (10%) |" in page
    assert "| 1,000,000 | 10,000,000 | 1.00 | 1.00 | 1.00 | 1.00 |" in page
    assert "| 10,000,000 | 100,000,000 | 1.00 | 1.00 | 1.00 | 1.00 |" in page
    assert "| 1,000,000 | 100,000,000 | 1.00 | 1.00 | 1.00 | 1.00 |" in page
    assert "| 1,000,000 | step gate_raw | 4.0 |" in page
    assert "| 1,000,000 | all | 6.0 |" in page
    assert "GiB" in page
    widths = {
        (block, line.count("|"))
        for block, text in enumerate(page.split("\n\n"))
        for line in text.splitlines()
        if line[0] == "|"
    }
    assert len(widths) == len({block for block, _ in widths}), "all rows of a table have as many cells"


@pytest.mark.parametrize("fact", ["date", "code", "processor"])
def test_growth_is_not_told_from_two_days_machines_or_states_of_the_code(
    results: Callable, fact: str, tmp_path: Path
) -> None:
    first, second, third = results(3)
    other = replace(third, machine={**third.machine, fact: "another"})
    page = write_results([first, second, other], tmp_path).read_text()
    assert "| 1,000,000 | 10,000,000 | 1.00 | 1.00 | 1.00 | 1.00 |" in page
    assert "| 10,000,000 | 100,000,000 |" not in page
    assert "| 1,000,000 | 100,000,000 |" not in page


@pytest.mark.parametrize("count", [1, 2])
def test_the_chart_has_a_line_a_measurement_within_its_frame(results: Callable, count: int, tmp_path: Path) -> None:
    write_results(results(count), tmp_path)
    picture = ET.parse(tmp_path / "results.svg").getroot()  # noqa: S314  (written a line above)
    name = "{http://www.w3.org/2000/svg}"
    assert len(picture.findall(f"{name}polyline")) == 4
    circles = picture.findall(f"{name}circle")
    assert len(circles) == 4 * count
    _, _, width, height = map(float, picture.get("viewBox").split())
    assert all(0 < float(circle.get("cx")) < width and 0 < float(circle.get("cy")) < height for circle in circles)
    assert {text.text for text in picture.findall(f"{name}text")} >= {"baseline", "full rebuild", "1,000,000"}
