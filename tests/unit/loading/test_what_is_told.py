"""What the loader tells of what it does not load: columns, folders that it may not read or that look like files."""

import datetime as dt
import os

import pytest

from dagster_project.loading import loader
from dagster_project.loading.ledger import read_ledger
from dagster_project.settings import SettingsError

ONE = "order_id,ordered_at,status,order_amount\n1,2024-05-31,paid,5\n"
ALL_CSV = "name: shop\nsources:\n  - {name: orders, feed: orders, files: '*.csv'}\n"


def test_the_ledger_tells_which_columns_of_the_contract_a_file_leaves_empty(home):
    home.put("a.csv", ONE.replace("order_id,", "order_id,CustomerID,").replace("1,", "1,c1,"))
    home.map(ALL_CSV)
    home.load()
    (entry,) = read_ledger(home.settings, "shop")
    assert entry.columns_unmapped == ["CustomerID"]
    assert entry.columns_lacking[:2] == ["customer_id", "channel"]
    assert not {"order_id", "order_amount"} & set(entry.columns_lacking)


def test_a_file_that_is_refused_again_was_tried_again(home, monkeypatch):
    home.put("a.csv", "nothing\nuseful\n")
    home.map(ALL_CSV)
    home.load()
    later = loader.utc_now() + dt.timedelta(days=1)
    monkeypatch.setattr(loader, "utc_now", lambda: later)
    home.load()
    (entry,) = read_ledger(home.settings, "shop")
    assert entry.loaded_at == later.isoformat(timespec="seconds")


def test_what_no_file_matches_and_folders_named_like_files_are_warnings(home):
    home.put("x.csv/inner.txt", ONE)
    home.put("archive/old.txt", ONE)
    home.put("parts.parquet/.hidden.csv", ONE)
    home.map(
        "name: shop\nsources:\n  - {name: orders, feed: orders, files: '*.csv'}\n"
        "  - {name: others, feed: orders, files: '*'}\n"
    )
    no_file = "No file matches '{}' of source {} in the extracts folder."
    folder = (
        "{} matches '{}' of source {}, but is a folder, and nothing in it matches: nothing of it is loaded. "
        "Deliver a file, or name the files in the folder."
    )
    assert home.load().warnings == [
        no_file.format("*.csv", "orders"),
        folder.format("x.csv", "*.csv", "orders"),
        no_file.format("*", "others"),
        folder.format("parts.parquet", "*", "others"),
        folder.format("x.csv", "*", "others"),
    ]
    home.put("x.csv/part.csv", ONE)
    home.map("name: shop\nsources:\n  - {name: orders, feed: orders, files: '**/*.csv'}\n")
    assert home.load().warnings == []


@pytest.mark.parametrize(
    ("pattern", "is_searched"), [("**/*.csv", True), ("*/b/*.csv", True), ("*.csv", False), ("a/*.csv", False)]
)
def test_a_folder_that_cannot_be_read_is_no_folder_without_files(home, monkeypatch, pattern, is_searched):
    home.put("a/b/refused.csv", "nothing\nuseful\n")
    home.map(ALL_CSV.replace("*.csv", "**/*.csv"))
    home.load()
    scandir = os.scandir

    def scan_if_allowed(path):
        # Tests may run as root, for whom no folder is unreadable.
        if str(path).endswith("a/b"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", scan_if_allowed)
    home.map(ALL_CSV.replace("*.csv", pattern))
    if is_searched:
        with pytest.raises(PermissionError, match="a/b"):
            home.load()
        assert [entry.status for entry in read_ledger(home.settings, "shop")] == ["refused"]
    else:
        assert home.load().files == []


def test_an_extracts_folder_that_is_not_there_is_no_empty_one(home):
    home.map(ALL_CSV)
    (home.root / "extracts").rmdir()
    with pytest.raises(SettingsError, match=r"extracts does not exist\. Set EXTRACTS_DIR"):
        home.load()
