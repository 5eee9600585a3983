"""A steward's way: export, correct in a spreadsheet, replay; each row is loaded once, and who did it is known."""

import csv
import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from dagster_project.erasing.erasure_list import Tokens, add_to_erasure_list
from dagster_project.erasing.tokens import read_salt, token_of
from dagster_project.loading import loader, taking_out
from dagster_project.loading.ledger import read_ledger
from dagster_project.loading.loader import load_extracts
from dagster_project.loading.mapping import load_config
from dagster_project.loading.replay import replay_quarantine
from dagster_project.quality.masking import MASK
from dagster_project.quarantine.actions import log_path, note_action, read_actions
from dagster_project.quarantine.correcting import correct_rows
from dagster_project.quarantine.discarding import discard_rows
from dagster_project.quarantine.exporting import export_rows, safe_cell, text_of_cell
from dagster_project.quarantine.listing import QuarantineError, Selection, refused_rows
from tests.unit.loading.conftest import Home
from tests.unit.quarantine.test_listing import CLEAR


class Desk:
    """A steward called ada, with a home and a spreadsheet."""

    def __init__(self, home):
        self.home = home
        self.settings = replace(home.settings, operator="ada")
        self.config = load_config(home.settings.extracts_config)
        self.file = home.root / "desk" / "refused.csv"

    def export(self, **options):
        return export_rows(self.settings, self.config, self.file, **options)

    def table(self):
        with self.file.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.reader(file))

    def edit(self, changes, delimiter=","):
        """Set cells: {(row number, column): value}; rows are found by their reasons' file and number."""
        header, *rows = self.table()
        for row in rows:
            for (number, column), value in changes.items():
                if row[2] == str(number) and column in header:
                    row[header.index(column)] = value
        with self.file.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, delimiter=delimiter).writerows([header, *rows])

    def correct(self):
        return correct_rows(self.settings, self.config, self.file)

    def replay(self):
        return replay_quarantine(self.settings, self.config, print)

    def load(self):
        return load_extracts(self.settings, self.config, print)

    def waiting(self, **selection):
        return [(row.feed, row.source_row) for row in refused_rows(self.settings, "shop", Selection(**selection))]


@pytest.fixture
def desk(shop):
    return Desk(shop)


def test_corrected_rows_are_loaded_once_and_the_log_says_by_whom(desk):
    assert desk.export(selection=Selection(feed="orders")) == 2
    desk.edit({(2, "ordered_at"): "2025-02-02", (3, "order_amount"): "30"}, delimiter=";")
    assert desk.correct().cells == {"order_amount": 1, "ordered_at": 1}
    assert len(desk.home.rows("orders")) == 1, "a correction alone loads nothing"
    desk.replay()
    desk.replay()
    assert sorted(desk.home.rows("orders", "order_id, ordered_at::DATE::VARCHAR, order_amount::INT")) == [
        ("1", "2025-02-01", 10),
        ("2", "2025-02-02", 20),
        ("3", "2025-02-03", 30),
    ]
    assert desk.waiting(feed="orders") == []
    done = [(action.by, action.action, action.rows) for action in read_actions(desk.settings, "shop")]
    assert sorted(done) == [("ada", "correct", 2), ("ada", "export", 2), ("ada", "replay", 2)]
    with pytest.raises(QuarantineError, match="not in quarantine any more"):
        desk.correct()


def test_a_line_without_columns_can_be_taken_apart(desk):
    desk.export(selection=Selection(reason="too_many_values"))
    desk.edit({(4, "Id"): "dora", (4, "Created"): "2025-01-04", (4, "Mail"): "dora@example.com"})
    desk.correct()
    desk.replay()
    assert ("dora", "dora@example.com") in desk.home.rows("crm_customers", "customer_id, email")


def test_an_export_is_masked_private_and_written_to_the_log(desk):
    assert desk.export() == 5
    text = desk.file.read_text(encoding="utf-8-sig")
    assert not [word for word in CLEAR if word in text.replace("bert,", "")]
    assert "yesterday" in text
    assert stat.S_IMODE(desk.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(log_path(desk.settings).stat().st_mode) == 0o600
    # Handed back as it is, nothing changes: not what was masked, nor what was empty.
    assert desk.correct().rows == 0
    assert desk.export(with_personal_data=True) == 5
    assert "cleo@example.com" in desk.file.read_text(encoding="utf-8-sig")
    assert desk.correct().rows == 0
    lines = [json.loads(line) for line in log_path(desk.settings).read_text().splitlines()]
    assert [line["details"].split("; ")[1] for line in lines] == ["masked", "with personal data"]


@pytest.mark.parametrize("text", ["=1+1", "+971", "-5", "@a", "\tx", "\rx", "\nx", "'=x", "''=x", "'", "a=b", "", "x'"])
def test_no_cell_is_a_formula_and_every_text_comes_back(text):
    cell = safe_cell(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert text_of_cell(cell) == text


def test_formulas_in_values_and_column_names_stay_text(tmp_path):
    home = Home(tmp_path)
    home.map("name: shop\nsources:\n  - {name: orders, feed: orders, files: '*.csv'}\n")
    home.put("a.csv", 'order_id,ordered_at,status,=cmd()\n"=HYPERLINK(""http://x"")",never,-paid,@x\n')
    home.load()
    desk = Desk(home)
    desk.export(with_personal_data=True)
    header, row = desk.table()
    assert not [cell for cell in header + row if cell.startswith(("=", "+", "-", "@"))]
    assert desk.correct().rows == 0
    desk.edit({(1, "ordered_at"): "2025-01-01"})
    desk.correct()
    desk.replay()
    assert home.rows("orders", "order_id, status") == [('=HYPERLINK("http://x")', "-paid")]


def test_line_ends_inside_a_value_are_no_correction(tmp_path):
    home = Home(tmp_path)
    home.map("name: shop\nsources:\n  - {name: orders, feed: orders, files: '*.csv'}\n")
    home.put("a.csv", 'order_id,ordered_at,status,note\n1,never,"a\r\nb","c\rd\ne"\n2,never,paid,x\n')
    home.load()
    desk = Desk(home)
    desk.export(with_personal_data=True)
    assert desk.correct().rows == 0
    desk.edit({(1, "ordered_at"): "2025-01-01"})
    assert desk.correct().cells == {"ordered_at": 1}
    (record, _) = [row.record for row in refused_rows(desk.settings, "shop")]
    assert (record["status"], record["note"]) == ("a\r\nb", "c\rd\ne")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("orders,shop__", "../../raw/orders,shop__"), "name no refused row"),
        (lambda text: text.replace(",shop__0", ",../shop__0"), "name no refused row"),
        (lambda text: text.replace(",shop__0", ",kiosk__0"), "name no refused row"),
        (lambda text: text.replace("quarantine_row", "row"), "must stay as they were exported"),
        (lambda _: "order_id\n1\n", "was not exported from quarantine"),
        (lambda _: "", "was not exported from quarantine"),
        (lambda text: text.replace("someday", "2025-01-01,x"), "cells under"),
        (
            lambda text: text.replace("someday", "2025-01-01").replace(",3,orders.csv", ",9,orders.csv"),
            "Row 9 of batch",
        ),
        (
            lambda text: text.replace(",ordered_at,", ",When,", 1).replace("someday", "2025-01-01"),
            "has no column 'When'",
        ),
        (lambda text: text.replace(",ordered_at,", ",Ordered_At,", 1), "has no column 'Ordered_At'"),
        (lambda text: text.replace(",ordered_at,", ",order_id,", 1), "the column 'order_id' stands there twice"),
    ],
)
def test_a_file_that_does_not_fit_changes_nothing(desk, change, message):
    desk.export(selection=Selection(feed="orders"))
    desk.file.write_text(change(desk.file.read_text(encoding="utf-8-sig")))
    before = list(refused_rows(desk.settings, "shop"))
    with pytest.raises(QuarantineError, match=message):
        desk.correct()
    assert list(refused_rows(desk.settings, "shop")) == before


def test_a_row_that_stands_twice_changes_nothing(desk):
    desk.export(selection=Selection(feed="orders"))
    header, first, *others = desk.table()
    with desk.file.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, first, *others, [cell.replace("someday", "2025-01-01") for cell in first]])
    with pytest.raises(QuarantineError, match=r"row 2 of batch .* stands there twice"):
        desk.correct()
    assert len(desk.waiting(feed="orders")) == 2


def test_an_export_is_in_the_log_before_anybody_can_have_the_file(desk, monkeypatch):
    def killed(*_arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        patch.setattr("dagster_project.quarantine.exporting.note_action", lambda *_: seen.append(desk.file.exists()))
        seen = []
        with pytest.raises(KeyboardInterrupt):
            desk.export(with_personal_data=True)
    assert seen == [False]


def test_what_a_killed_export_has_left_goes_with_the_next(desk):
    desk.file.parent.mkdir()
    leftover = desk.file.parent / ".tmp-earlier.csv.unfinished"
    leftover.write_text("cleo@example.com")
    desk.export()
    assert [path.name for path in desk.file.parent.iterdir()] == ["refused.csv"]


def test_a_file_name_with_a_line_separator_of_unicode_breaks_no_line_of_the_log(desk):
    note_action(desk.settings, "shop", "export", 1, "file a\u2028b\x85c.csv")
    (action,) = read_actions(desk.settings, "shop")
    assert action.details == "file a\u2028b\x85c.csv"


def test_what_is_no_text_or_not_there_is_told(desk):
    with pytest.raises(QuarantineError, match="cannot be read"):
        desk.correct()
    desk.file.parent.mkdir()
    desk.file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(QuarantineError, match="UTF-8"):
        desk.correct()
    with pytest.raises(QuarantineError, match="nothing was written"):
        desk.export(selection=Selection(feed="fx_rates"))


def test_discarded_rows_are_accounted_for_and_never_come_back(desk, monkeypatch):
    class Killed(BaseException):
        pass

    def die(*arguments):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(taking_out, "take_out", die)
        with pytest.raises(Killed):
            discard_rows(desk.settings, desk.config, Selection(feed="orders"))
    desk.load()
    assert desk.waiting(feed="orders") == []
    assert len(desk.waiting()) == 3
    entry = read_ledger(desk.settings, "shop")[-1]
    assert (entry.rows_accepted, entry.rows_passed_over, entry.requested_by) == (0, 2, "ada")
    assert entry.rows_taken_out == [[2, 3]]
    (action,) = read_actions(desk.settings, "shop")
    assert (action.action, action.rows) == ("take out", 2)
    assert len(desk.home.rows("orders")) == 1
    with pytest.raises(QuarantineError, match="nothing was discarded"):
        discard_rows(desk.settings, desk.config, Selection(feed="orders"))


@pytest.fixture
def half_loaded(desk, monkeypatch):
    """The same home after a load that was killed between a batch, with a refused row of its own, and its entry."""

    class Killed(BaseException):
        pass

    def die(*arguments):
        raise Killed

    desk.home.put("orders2.csv", "order_id,customer_id,ordered_at,status\n4,dora,2025-02-04,paid\n5,dora,never,paid\n")
    with monkeypatch.context() as patch:
        patch.setattr(loader, "write_entry", die)
        with pytest.raises(Killed):
            desk.load()
    assert len(list(desk.settings.quarantine_dir.glob("orders/*.parquet"))) == 2
    return desk


def test_rows_of_a_batch_that_was_never_committed_are_not_in_quarantine_yet(half_loaded):
    assert half_loaded.waiting(feed="orders") == [("orders", 2), ("orders", 3)]
    half_loaded.load()
    assert half_loaded.waiting(feed="orders") == [("orders", 2), ("orders", 3), ("orders", 2)]


def test_a_discard_after_a_killed_load_takes_no_number_twice(half_loaded):
    assert discard_rows(half_loaded.settings, half_loaded.config, Selection(feed="orders")) == 2
    half_loaded.load()
    half_loaded.load()
    assert [entry.load_sequence for entry in read_ledger(half_loaded.settings, "shop")] == [1, 2, 3, 4]
    assert half_loaded.waiting(feed="orders") == [("orders", 2)]
    assert half_loaded.home.rows("orders", "order_id") == [("1",), ("4",)]


def test_a_correction_after_a_killed_load_or_discard_changes_what_is_committed(half_loaded, monkeypatch):
    half_loaded.export(selection=Selection(feed="orders"))
    half_loaded.edit({(2, "ordered_at"): "2025-02-02"})
    assert half_loaded.correct().rows == 1
    assert len(list(half_loaded.settings.quarantine_dir.glob("orders/*.parquet"))) == 1

    with monkeypatch.context() as patch:
        patch.setattr(taking_out, "take_out", lambda *_: None)
        discard_rows(half_loaded.settings, half_loaded.config, Selection(reason="not_a_number"))
    half_loaded.edit({(3, "order_amount"): "30"})
    with pytest.raises(QuarantineError, match="not in quarantine any more"):
        half_loaded.correct()


def test_a_correction_cannot_bring_back_an_erased_person(desk):
    add_to_erasure_list(desk.settings, Tokens(frozenset({token_of(read_salt(desk.settings), "zoe")})))
    desk.export(selection=Selection(feed="orders"))
    desk.edit({(2, "customer_id"): "zoe"})
    desk.correct()
    records = [row.record for row in refused_rows(desk.settings, "shop", Selection(feed="orders"))]
    assert records[0] is None
    assert records[1]["customer_id"] == "bert"


def test_masked_cells_keep_what_they_hide(desk):
    desk.export(selection=Selection(reason="missing:customer_id"))
    assert MASK in desk.file.read_text(encoding="utf-8-sig")
    desk.edit({(3, "Id"): "cleo", (3, "Created"): "2025-01-03"})
    desk.correct()
    desk.replay()
    assert ("cleo", "cleo@example.com", "Cleo C") in desk.home.rows("crm_customers", "customer_id, email, full_name")
