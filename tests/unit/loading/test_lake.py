"""What is in the lake after loads, crashes and replays: every row once, whatever happened on the way."""

import json
import stat
from dataclasses import replace
from decimal import Decimal

import duckdb
import pytest

from dagster_project.loading import batches, file_chunks, ledger, loader, taking_out
from dagster_project.loading.contracts import load_feeds
from dagster_project.loading.ledger import read_ledger
from dagster_project.loading.mapping import load_config
from dagster_project.loading.refusals import LoadError
from dagster_project.loading.replay import replay_quarantine

HEADER = "order_id,ordered_at,status,order_amount\n"
ONE = f"{HEADER}1,2024-05-31,paid,5\n"
TWO = f"{HEADER}2,2024-06-01,paid,x\n3,2024-06-01,paid,7\n"
ALL_CSV = "name: shop\nsources:\n  - {name: orders, feed: orders, files: '*.csv'}\n"


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the loader may catch it."""


def _states(result):
    return [(file.source_file, file.status) for file in result.files]


def _content(home):
    """Every file of the lake that is not a ledger entry, by name, with its bytes."""
    lake = home.settings.lake_dir
    return {path.relative_to(lake).as_posix(): path.read_bytes() for path in sorted(lake.rglob("*.parquet"))}


def test_loading_twice_changes_nothing(home):
    home.put("a.csv", ONE)
    home.put("b.csv", TWO)
    home.map(ALL_CSV)
    assert _states(home.load()) == [("a.csv", "loaded"), ("b.csv", "loaded")]
    before = _content(home)
    second = home.load()
    assert _states(second) == [("a.csv", "unchanged"), ("b.csv", "unchanged")]
    assert [file.rows_quarantined for file in second.files] == [0, 1]
    assert _content(home) == before


def test_the_same_content_under_another_name_is_loaded_once(home):
    home.put("a.csv", ONE)
    home.put("copy of a.csv", ONE)
    home.map(ALL_CSV)
    assert _states(home.load()) == [("a.csv", "loaded"), ("copy of a.csv", "unchanged")]


def test_other_content_under_the_same_name_is_a_new_batch(home):
    home.put("a.csv", ONE)
    home.map(ALL_CSV)
    home.load()
    home.put("a.csv", ONE.replace("paid", "cancelled"))
    assert _states(home.load()) == [("a.csv", "loaded")]
    assert home.rows("orders", "status, _load_sequence") == [("paid", 1), ("cancelled", 2)]


def test_a_snapshot_that_returns_to_an_earlier_state_is_news(home):
    home.map(ALL_CSV.replace("'*.csv'", "'*.csv', mode: snapshot"))
    for content in (ONE, TWO, ONE):
        home.put("a.csv", content)
        assert _states(home.load()) == [("a.csv", "loaded")]
        assert _states(home.load()) == [("a.csv", "unchanged")]
    assert home.rows("orders", "order_id, _is_snapshot") == [("1", True), ("3", True), ("1", True)]


def test_every_feed_has_a_batch_without_rows_of_the_contract_types(home):
    home.map(ALL_CSV)
    home.load()
    for feed in load_feeds().values():
        path = home.settings.raw_dir / feed.name / "shop__00000000__contract.parquet"
        described = duckdb.connect().sql(f"DESCRIBE FROM read_parquet('{path}')").fetchall()
        assert [row[0] for row in described] == [*feed.columns, *batches.METADATA_COLUMNS]
        assert [row[1] for row in described][: len(feed.columns)] == [
            column.sql_type for column in feed.columns.values()
        ]


def test_rates_of_a_narrower_contract_are_read_beside_new_ones(home):
    rates = "rate_date,currency,rate\n2024-05-31,IRR,"
    home.map("name: shop\nsources:\n  - {name: rates, feed: fx_rates, files: '*.csv'}\n")
    home.put("a.csv", f"{rates}1234567890.00000088\n")
    home.load()
    for path in (home.settings.raw_dir / "fx_rates").glob("*.parquet"):
        narrow = f"SELECT * REPLACE (CAST(rate AS DECIMAL(18,8)) AS rate) FROM read_parquet('{path}')"
        home.query(f"COPY ({narrow}) TO '{path}.narrow' (FORMAT parquet)")
        path.with_name(f"{path.name}.narrow").replace(path)
    home.put("b.csv", f"{rates}0.000000884961234\n")
    home.load()
    assert home.rows("fx_rates", "rate") == [(Decimal("1234567890.00000088"),), (Decimal("0.000000884961234"),)]


def test_two_datasets_share_a_home_without_mixing(home):
    home.put("a.csv", ONE)
    home.map(ALL_CSV)
    home.load()
    home.map(ALL_CSV.replace("name: shop", "name: other"))
    assert _states(home.load()) == [("a.csv", "loaded")]
    assert [entry.load_sequence for entry in read_ledger(home.settings, "shop")] == [1]
    assert [entry.load_sequence for entry in read_ledger(home.settings, "other")] == [2]


def test_the_ledger_tells_what_became_of_a_file(home):
    home.put("b.csv", TWO.replace("order_amount", "order_amount,note").replace("x\n", "x,n\n").replace("7\n", "7,n\n"))
    home.map(ALL_CSV)
    home.load()
    (entry,) = read_ledger(home.settings, "shop")
    assert (entry.rows_read, entry.rows_accepted, entry.rows_quarantined) == (2, 1, 1)
    assert entry.reasons == {"not_a_number:order_amount": 1}
    assert entry.watermark == "2024-06-01T00:00:00"
    assert entry.columns_unmapped == ["note"]


def test_quarantine_keeps_the_record_as_read(home):
    home.put("b.csv", TWO.replace("paid", '\' ""quoted"" é'))
    home.put("c.csv", f"{HEADER}ragged\n")
    home.map(ALL_CSV)
    home.load()
    folder = home.settings.quarantine_dir / "orders"
    kept = (
        duckdb.connect()
        .sql(f"SELECT raw_record, explanation FROM read_parquet('{folder}/*.parquet') ORDER BY _batch_id")
        .fetchall()
    )
    assert json.loads(kept[0][0]) == {
        "order_id": "2",
        "ordered_at": "2024-06-01",
        "status": '\' ""quoted"" é',
        "order_amount": "x",
    }
    assert kept[0][1].startswith("order_amount is not a number.")
    assert json.loads(kept[1][0]) == {batches.UNPARSED_RECORD: "ragged"}


def test_duplicate_rows_are_counted_and_kept(home):
    home.put("a.csv", f"{ONE}1,2024-05-31,paid,5\n1,2024-05-31,paid,6\n")
    home.map(ALL_CSV)
    (file,) = home.load().files
    assert (file.rows_accepted, file.duplicate_rows) == (3, 1)


def test_a_refused_file_is_tried_again_until_it_is_mended_or_gone(home):
    home.put("a.csv", "nothing\nuseful\n")
    home.put("b.csv", "nothing\nbetter\n")
    home.map(ALL_CSV)
    for _ in range(2):
        assert _states(home.load()) == [("a.csv", "refused"), ("b.csv", "refused")]
        assert [entry.status for entry in read_ledger(home.settings, "shop")] == ["refused", "refused"]
    home.put("a.csv", ONE)
    (home.root / "extracts" / "b.csv").unlink()
    assert _states(home.load()) == [("a.csv", "loaded")]
    assert [entry.status for entry in read_ledger(home.settings, "shop")] == ["loaded"]


def test_a_mended_mapping_loads_what_was_refused_and_leaves_the_rest(home):
    home.put("a.csv", ONE)
    home.put("b.csv", TWO.replace("order_id", "number"))
    home.map(ALL_CSV)
    assert _states(home.load()) == [("a.csv", "loaded"), ("b.csv", "refused")]
    columns = "{order_id: number, ordered_at: ordered_at, status: status}"
    home.map(f"{ALL_CSV}  - {{name: renamed, feed: orders, files: 'b*.csv', columns: {columns}}}\n")
    assert ("b.csv", "loaded") in _states(home.load())


def test_one_file_feeds_several_feeds_and_is_read_once(home, monkeypatch):
    home.put("lines.csv", "invoice,item,quantity,price,date\nA,x,1,2,2024-05-31\nA,y,3,4,2024-05-31\n")
    home.map(
        "name: shop\nsources:\n"
        "  - name: orders\n    feed: orders\n    files: lines.csv\n"
        "    columns: {order_id: invoice, ordered_at: date, status: {value: done}}\n"
        "  - name: lines\n    feed: order_lines\n    files: lines.csv\n"
        "    columns: {order_id: invoice, line_number: {sql: source_row_number}, "
        "quantity: quantity, unit_price: price}\n"
    )
    reads = []
    land = file_chunks.land
    monkeypatch.setattr(file_chunks, "land", lambda *arguments: reads.append(1) or land(*arguments))
    home.load()
    assert len(reads) == 1
    assert home.rows("orders", "order_id") == [("A",), ("A",)]
    assert home.rows("order_lines", "line_number, quantity::INT") == [(1, 1), (2, 3)]


def test_an_expression_that_fails_on_a_row_quarantines_that_row(home):
    home.put("a.csv", f"{HEADER}1,2024-05-31,paid,5\n2,2024-05-31,paid,five\n3,2024-05-31,paid,\n")
    sql = '{sql: "CAST(order_amount AS INTEGER) * 2"}'
    home.map(
        "name: shop\nsources:\n  - name: orders\n    feed: orders\n    files: a.csv\n"
        f"    columns: {{order_id: order_id, ordered_at: ordered_at, status: status, order_amount: {sql}}}\n"
    )
    home.load()
    assert home.rows("orders", "order_id, order_amount::INT") == [("1", 10), ("3", None)]
    assert home.quarantined("orders") == [(2, ["expression_failed:order_amount"])]


def test_value_maps(home):
    home.put("a.csv", f"{HEADER}1,2024-05-31,Bezahlt,5\n2,2024-05-31,STORNO,5\n3,2024-05-31,open,5\n4,2024-05-31,-,5\n")
    home.map(ALL_CSV.replace("'*.csv'", "'*.csv', value_maps: {status: {bezahlt: paid, storno: Canceled, '-': null}}"))
    home.load()
    assert home.rows("orders", "status") == [("paid",), ("cancelled",), ("open",)]
    assert home.quarantined("orders") == [(4, ["missing:status"])]


@pytest.mark.parametrize(
    ("module", "function", "call"),
    [
        pytest.param(batches, "publish_file", 1, id="before the quarantine or raw file is named"),
        pytest.param(loader, "write_entry", 1, id="between the batch and its entry"),
        pytest.param(loader, "write_entry", 2, id="between the first and the second file"),
    ],
)
def test_a_killed_load_is_repaired_by_the_next(home, monkeypatch, module, function, call):
    home.put("a.csv", ONE)
    home.put("b.csv", TWO)
    home.map(ALL_CSV)
    home.load()
    undisturbed = _content(home)
    for path in sorted(home.settings.warehouse_home.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    home.map("name: shop\nsources:\n  - {name: orders, feed: orders, files: none}\n")
    home.load()
    home.map(ALL_CSV)
    real, calls = getattr(module, function), []

    def die(*arguments):
        calls.append(1)
        if len(calls) == call:
            raise Killed
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(module, function, die)
        with pytest.raises(Killed):
            home.load()
    home.load()
    assert _content(home) == undisturbed
    assert [entry.status for entry in read_ledger(home.settings, "shop")] == ["loaded", "loaded"]


def test_batches_that_lost_their_ledger_are_not_thrown_away(home):
    home.put("a.csv", ONE)
    home.put("b.csv", TWO)
    home.map(ALL_CSV)
    home.load()
    for path in home.settings.ledger_dir.rglob("*.json"):
        path.unlink()
    before = _content(home)
    with pytest.raises(LoadError, match="Restore the ledger"):
        home.load()
    assert _content(home) == before


def test_rows_that_go_missing_are_a_defect_and_nothing_is_committed(home, monkeypatch):
    home.put("a.csv", ONE)
    home.map(ALL_CSV)
    land = file_chunks.land

    def lose(*arguments):
        landed = land(*arguments)
        return replace(landed, rows_read=landed.rows_read + 1)

    monkeypatch.setattr(file_chunks, "land", lose)
    with pytest.raises(LoadError, match="2 rows read, but 1 accepted and 0 quarantined"):
        home.load()
    assert read_ledger(home.settings, "shop") == []


def test_a_file_that_grows_while_it_is_read_is_refused_and_loaded_later(home, monkeypatch):
    path = home.put("a.csv", ONE)
    home.map(ALL_CSV)
    land = file_chunks.land

    def land_while_it_grows(*arguments):
        landed = land(*arguments)
        path.write_text(ONE + "2,2024-05-31,paid,5\n")
        return landed

    with monkeypatch.context() as patch:
        patch.setattr(file_chunks, "land", land_while_it_grows)
        assert _states(home.load()) == [("a.csv", "refused")]
    assert _states(home.load()) == [("a.csv", "loaded")]
    assert home.rows("orders", "order_id") == [("1",), ("2",)]


def test_files_are_for_their_owner_alone(home):
    home.put("b.csv", TWO)
    home.map(ALL_CSV)
    home.load()
    for path in home.settings.lake_dir.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert stat.S_IMODE(home.settings.lake_dir.stat().st_mode) == 0o700


MENDED = ALL_CSV.replace("'*.csv'", "'*.csv', value_maps: {order_amount: {x: '9'}}")


def test_replay_loads_what_passes_now_once(home):
    home.put("b.csv", f"{TWO}4,2024-06-01,paid,y\nragged\n")
    home.map(ALL_CSV)
    home.load()
    home.map(MENDED)
    (outcome,) = home.replay().files
    assert (outcome.status, outcome.rows_accepted) == ("loaded", 1)
    assert home.rows("orders", "order_id, order_amount::INT, _source_row, _load_sequence") == [
        ("3", 7, 2, 1),
        ("2", 9, 1, 1),
    ]
    assert [row for row, _ in home.quarantined("orders")] == [3, 4]
    assert [entry.replayed_from is not None for entry in read_ledger(home.settings, "shop")] == [False, True]
    (again,) = home.replay().files
    assert (again.status, again.rows_accepted) == ("unchanged", 0)
    assert len(home.rows("orders")) == 2
    assert _states(home.load()) == [("b.csv", "unchanged")]


@pytest.mark.parametrize("step", ["write_entry", "take_out"])
def test_a_killed_replay_loads_every_row_once(home, monkeypatch, step):
    home.put("b.csv", TWO)
    home.map(ALL_CSV)
    home.load()
    home.map(MENDED)

    def die(*arguments):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(taking_out, step, die)
        with pytest.raises(Killed):
            home.replay()
    home.replay()
    assert sorted(home.rows("orders", "order_id")) == [("2",), ("3",)]
    assert home.quarantined("orders") == []


def test_a_replay_says_who_asked_for_it(home):
    home.put("b.csv", TWO)
    home.map(ALL_CSV)
    home.load()
    home.map(MENDED)
    replay_quarantine(replace(home.settings, operator="ada"), load_config(home.settings.extracts_config), print)
    assert [entry.requested_by for entry in read_ledger(home.settings, "shop")] == [None, "ada"]


def test_a_replay_renews_the_reasons_of_what_stays(home):
    home.put("b.csv", f"{HEADER}2,someday,paid,x\n")
    home.map(ALL_CSV)
    home.load()
    assert home.quarantined("orders") == [(1, ["not_a_timestamp:ordered_at", "not_a_number:order_amount"])]
    home.map(MENDED)
    home.replay()
    assert home.quarantined("orders") == [(1, ["not_a_timestamp:ordered_at"])]


def test_rows_that_a_new_condition_leaves_out_leave_quarantine_once(home, monkeypatch):
    rows = "".join(f"{number},2024-06-01,{'paid' if number % 3 else 'void'},x\n" for number in range(1, 8))
    home.put("b.csv", HEADER + rows)
    home.map(ALL_CSV)
    home.load()
    home.map(ALL_CSV.replace("'*.csv'", "'*.csv', rows_where: \"status <> 'void'\""))

    def die(*arguments):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(taking_out, "take_out", die)
        with pytest.raises(Killed):
            home.replay()
    home.replay()
    assert [row for row, _ in home.quarantined("orders")] == [1, 2, 4, 5, 7]
    assert home.rows("orders") == []
    first, taken = read_ledger(home.settings, "shop")
    assert (first.rows_quarantined, taken.rows_accepted, taken.rows_passed_over) == (7, 0, 2)
    assert taken.rows_taken_out == [[3, 3], [6, 6]]
    assert "2 more are passed over" in taken.message


def test_a_replay_of_lines_without_columns_says_so(home):
    home.put("b.csv", f"{HEADER}ragged\n")
    home.map(ALL_CSV)
    home.load()
    (outcome,) = home.replay().files
    assert outcome.status == "unchanged"
    assert "correct or discard" in outcome.message


def test_the_next_sequence_counts_all_datasets(home):
    home.put("a.csv", ONE)
    home.map(ALL_CSV)
    assert ledger.next_load_sequence(home.settings) == 1
    home.load()
    assert ledger.next_load_sequence(home.settings) == 2
