"""Who is erased from the lake, what becomes of their rows, and that later deliveries bring nobody back."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dagster_project.erasing import erasure, lake
from dagster_project.erasing.erasure import ErasureError, audit_path, begin_erasure, finish_erasures
from dagster_project.erasing.lake import erase_comments_on_new_orders
from dagster_project.erasing.pending import read_pending
from dagster_project.erasing.tokens import read_salt, token_of
from dagster_project.loading.mapping import load_config
from dagster_project.settings import DBT_TARGETS
from dagster_project.transforming.build_state import mark_build_complete, read_complete_build
from tests.unit.erasing.conftest import CUSTOMERS, erase
from tests.unit.loading.conftest import Home


def token(home: Home, customer_id: str) -> str:
    return token_of(read_salt(home.settings), customer_id)


@pytest.mark.parametrize("asked_for", ["anna", "anna-old", "anna-older", "  anna "])
def test_whichever_id_is_named_the_whole_person_goes(shop: Home, asked_for: str) -> None:
    erase(shop, asked_for)
    anna, old, older = token(shop, "anna"), token(shop, "anna-old"), token(shop, "anna-older")
    assert shop.rows("crm_customers", "customer_id, canonical_customer_id, email, full_name, birth_date::text") == [
        (anna, None, None, None, None),
        (old, anna, None, None, None),
        (older, old, None, None, None),
        ("bert", None, "bert@example.com", "Bert B", "1970-01-01"),
    ]
    assert shop.rows("orders", "order_id, customer_id, order_amount::int") == [
        ("1", anna, 10),
        ("2", old, 20),
        ("3", "bert", 30),
    ]
    assert shop.rows("survey_responses", "customer_id, comment, score::int") == [
        (anna, None, 9),
        (None, None, 8),
        (None, None, 7),
        ("bert", "of bert", 6),
        (None, "on the ticket of bert", 5),
    ]


def test_records_that_are_merged_in_a_circle_are_not_one_person(shop: Home) -> None:
    shop.put("customers2.csv", "customer_id,created_at,canonical_customer_id\nx,2025-01-01,y\ny,2025-01-01,x\n")
    shop.load()
    erase(shop, "x")
    assert shop.rows("crm_customers", "customer_id, canonical_customer_id")[-2:] == [
        (token(shop, "x"), "y"),
        ("y", token(shop, "x")),
    ]


def test_what_a_killed_load_left_is_neither_in_the_way_nor_counted(shop: Home) -> None:
    (orders,) = (shop.settings.raw_dir / "orders").glob("shop__00000002__*.parquet")
    (orders.parent / f".tmp-{orders.name}").write_bytes(orders.read_bytes()[:50])
    (orders.parent / "shop__00000005__0123456789abcdef.parquet").write_bytes(orders.read_bytes())
    refused = shop.settings.quarantine_dir / "orders" / ".tmp-shop__00000005__0123456789abcdef.parquet"
    refused.parent.mkdir(parents=True)
    refused.write_bytes(b"PAR1")
    (begun,) = erase(shop, "anna")
    assert begun.rows["orders"] == 2
    assert len(shop.rows("orders")) == 3
    assert {file.status for file in shop.load().files} == {"unchanged"}


def test_rows_of_all_datasets_of_the_home_go(shop: Home) -> None:
    mapping = (shop.root / "extracts.yml").read_text()
    shop.map(mapping.replace("name: shop", "name: kiosk"))
    shop.load()
    erase(shop, "anna")
    assert {row[0] for row in shop.rows("crm_customers", "customer_id")} & {"anna", "anna-old"} == set()
    assert len(shop.rows("crm_customers")) == 8


def test_nothing_is_loaded_again_and_later_deliveries_bring_nobody_back(shop: Home) -> None:
    erase(shop, "anna")
    assert {file.status for file in shop.load().files} == {"unchanged"}
    shop.put("customers2.csv", CUSTOMERS.replace("anna,", "\u00a0anna ,", 1).replace("AE", "KW"))
    shop.put("orders2.csv", "order_id,customer_id,ordered_at,status\n7,anna,2025-03-01,paid\n8,bert,2025-03-01,paid\n")
    shop.load()
    assert shop.rows("crm_customers", "customer_id, email")[4:] == [
        (token(shop, "anna"), None),
        (token(shop, "anna-old"), None),
        (token(shop, "anna-older"), None),
        ("bert", "bert@example.com"),
    ]
    assert shop.rows("orders", "order_id, customer_id")[3:] == [("7", token(shop, "anna")), ("8", "bert")]


def test_a_comment_on_an_order_that_came_after_the_erasure_goes_too(shop: Home) -> None:
    erase(shop, "anna")
    header = "response_id,order_id,metric,score,answered_at,comment\n"
    shop.put("answers2.csv", header + "20,7,nps,9,2025-03-02,before the order\n21,8,nps,9,2025-03-02,of bert\n")
    shop.load()
    shop.put("orders2.csv", "order_id,customer_id,ordered_at,status\n7,anna,2025-03-01,paid\n8,bert,2025-03-01,paid\n")
    shop.load()
    erase_comments_on_new_orders(shop.settings)
    shop.put("answers3.csv", header + "22,7,nps,9,2025-03-03,after the order\n")
    shop.load()
    assert shop.rows("survey_responses", "response_id, comment")[5:] == [("20", None), ("21", "of bert"), ("22", None)]


class KilledError(BaseException):
    """Not an error: the process is gone."""


@pytest.mark.parametrize("files_before_the_kill", [0, 1, 2, 3])
def test_killed_at_any_file_it_ends_the_same_when_started_again(
    shop: Home, monkeypatch: pytest.MonkeyPatch, files_before_the_kill: int
) -> None:
    publish, written = lake.publish_file, []

    def publish_until_killed(target: Path, write: Callable[[Path], None]) -> None:
        if len(written) == files_before_the_kill:
            raise KilledError
        publish(target, write)
        written.append(target)

    with monkeypatch.context() as patch:
        patch.setattr(lake, "publish_file", publish_until_killed)
        with pytest.raises(KilledError):
            erase(shop, "anna")
    erase_pending(shop)
    feeds = ("crm_customers", "orders", "crm_tickets", "survey_responses")
    assert [len(shop.rows(feed)) for feed in feeds] == [4, 3, 2, 5]
    assert not any("anna" in str(shop.rows(feed)) for feed in feeds)


def killed(*_arguments: object) -> None:
    raise KilledError


def erase_pending(home: Home) -> None:
    erasure.erase_from_sources(home.settings, load_config(home.settings.extracts_config))


def test_an_erasure_is_written_to_the_audit_once(shop: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    erase(shop, "anna")
    with monkeypatch.context() as patch:
        patch.setattr(erasure, "remove_pending", killed)
        with pytest.raises(KilledError):
            finish_erasures(shop.settings)
    finish_erasures(shop.settings)
    assert read_pending(shop.settings) == []
    (line,) = audit_path(shop.settings).read_text().splitlines()
    assert token(shop, "anna") in line
    assert '"anna' not in line


def test_nothing_is_finished_before_the_lake_is_rewritten(shop: Home) -> None:
    begin_erasure(shop.settings, load_config(shop.settings.extracts_config), "anna")
    assert finish_erasures(shop.settings) == []
    assert len(read_pending(shop.settings)) == 1


def test_a_customer_nobody_knows_is_refused_and_one_who_is_erased_is_not(shop: Home) -> None:
    with pytest.raises(ErasureError, match="nothing was erased") as caught:
        erase(shop, "stranger")
    assert "stranger" not in str(caught.value)
    erase(shop, "anna")
    finish_erasures(shop.settings)
    rows = shop.rows("crm_customers")
    erase(shop, "anna")
    assert shop.rows("crm_customers") == rows


@pytest.mark.parametrize("erasing_engine", DBT_TARGETS)
def test_no_engine_takes_its_removed_warehouse_for_whole(shop: Home, erasing_engine: str) -> None:
    """A home may have been built by both engines; whichever erases, neither may refresh what is gone."""
    homes = [replace(shop.settings, dbt_target=engine) for engine in DBT_TARGETS]
    shop.settings.warehouse_path.write_bytes(b"tables")
    for settings in homes:
        settings.spark_dir.mkdir(exist_ok=True)
        mark_build_complete(settings, {"dataset": "shop"})
    config = load_config(shop.settings.extracts_config)
    settings = replace(shop.settings, dbt_target=erasing_engine)
    begin_erasure(settings, config, "anna")
    erasure.erase_from_sources(settings, config)
    assert [read_complete_build(home) for home in homes] == [None, None]
