"""What a steward sees of the quarantine, and what not."""

import pytest

from dagster_project.quality.masking import MASK
from dagster_project.quarantine.listing import QuarantineError, Selection, refused_groups, refused_rows

CLEAR = ("anna", "bert@", "cleo", "dora", "Bert B", "Cleo C", "bertie", "cici", "dodo")


def test_rows_are_grouped_by_feed_file_and_reason(shop, sources):
    groups = refused_groups(shop.settings, "shop", sources)
    assert [(group.feed, group.source_file, group.reason, group.row_count, group.first_rows) for group in groups] == [
        ("crm_customers", "customers.csv", "not_a_timestamp:created_at", 2, (2, 3)),
        ("crm_customers", "customers.csv", "missing:customer_id", 1, (3,)),
        ("crm_customers", "customers.csv", "too_many_values", 1, (4,)),
        ("orders", "orders.csv", "not_a_number:order_amount", 1, (3,)),
        ("orders", "orders.csv", "not_a_timestamp:ordered_at", 1, (2,)),
    ]
    assert groups[0].explanation.startswith("created_at is not a timestamp")


def test_examples_show_what_is_wrong_and_nothing_personal(shop, sources):
    groups = refused_groups(shop.settings, "shop", sources)
    assert groups[0].examples[0] == {
        "Id": "bert",
        "Created": "yesterday",
        "Mail": MASK,
        "Name": MASK,
        # An address in a column that should not hold one, and a column that nothing maps.
        "Country": MASK,
        "Nickname": MASK,
    }
    assert groups[2].examples == ({"unparsed_record": MASK},)
    assert not [word for word in CLEAR if word in str([group.examples for group in groups])]


def test_without_the_mapping_nothing_is_shown(shop):
    examples = [example for group in refused_groups(shop.settings, "shop") for example in group.examples]
    assert {value for example in examples for value in example.values()} == {MASK, "(empty)"}


@pytest.mark.parametrize(
    ("selection", "rows"),
    [
        (Selection(), 5),
        (Selection(feed="orders"), 2),
        (Selection(source_file="customers.csv"), 3),
        (Selection(reason="not_a_timestamp"), 3),
        (Selection(reason="not_a_timestamp:created_at"), 2),
        (Selection(reason="not_a"), 0),
        (Selection(feed="orders", source_file="customers.csv"), 0),
        (Selection(source_file="' OR TRUE --"), 0),
    ],
)
def test_rows_are_selected(shop, sources, selection, rows):
    assert len(list(refused_rows(shop.settings, "shop", selection))) == rows
    assert (rows > 0) == bool(refused_groups(shop.settings, "shop", sources, selection))


def test_another_dataset_is_not_seen(shop):
    assert refused_groups(shop.settings, "kiosk") == []


def test_a_feed_that_does_not_exist_is_told(shop):
    with pytest.raises(QuarantineError, match=r"no feed '\.\./raw'.*crm_customers"):
        refused_groups(shop.settings, "shop", (), Selection(feed="../raw"))
