"""Deliveries that go wrong from one day to the next: late, twice, changed, cut short."""

from dataclasses import dataclass

from tests.extracts.broken.case import ORDERS


@dataclass(frozen=True)
class Delivery:
    """`steps`: before each load the files that are put (None: taken away), and the state that each file then comes to.

    `orders`: at the end, every accepted order and the load it came with, in order of load and row.
    """

    name: str
    steps: tuple[tuple[dict[str, str | bytes | None], dict[str, str]], ...]
    orders: list[tuple[str, int]]
    mode: str = "append"


def _day(*orders: str) -> str:
    return ORDERS + "".join(f"{order},2024-05-31,paid,5,web\n" for order in orders)


NEW, SAME, NO = "loaded", "unchanged", "refused"
ONE, TWO, THREE = _day("1"), _day("2"), _day("3")

DELIVERIES = [
    Delivery("same_file_twice", (({"a.csv": ONE}, {"a.csv": NEW}), ({"a.csv": ONE}, {"a.csv": SAME})), [("1", 1)]),
    Delivery("same_content_under_another_name",
             (({"a.csv": ONE}, {"a.csv": NEW}), ({"b.csv": ONE}, {"a.csv": SAME, "b.csv": SAME})), [("1", 1)]),
    Delivery("same_content_twice_in_one_delivery",
             (({"a.csv": ONE, "b.csv": ONE}, {"a.csv": NEW, "b.csv": SAME}),), [("1", 1)]),
    Delivery("file_renamed", (({"a.csv": ONE}, {"a.csv": NEW}), ({"a.csv": None, "b.csv": ONE}, {"b.csv": SAME})),
             [("1", 1)]),
    Delivery("same_name_with_other_content",
             (({"a.csv": ONE}, {"a.csv": NEW}), ({"a.csv": TWO}, {"a.csv": NEW}), ({}, {"a.csv": SAME})),
             [("1", 1), ("2", 2)]),
    Delivery("same_name_back_to_the_first_content",
             (({"a.csv": ONE}, {"a.csv": NEW}), ({"a.csv": TWO}, {"a.csv": NEW}), ({"a.csv": ONE}, {"a.csv": SAME})),
             [("1", 1), ("2", 2)]),
    Delivery("dump_back_to_the_first_content",
             (({"a.csv": ONE}, {"a.csv": NEW}), ({"a.csv": TWO}, {"a.csv": NEW}), ({"a.csv": ONE}, {"a.csv": NEW})),
             [("1", 1), ("2", 2), ("1", 3)], mode="snapshot"),
    Delivery("dump_of_a_new_name_back_to_an_earlier_state",
             (({"d0.csv": TWO}, {"d0.csv": NEW}), ({"d1.csv": ONE, "d2.csv": TWO}, {"d0.csv": SAME, "d1.csv": NEW,
              "d2.csv": NEW}), ({}, {"d0.csv": SAME, "d1.csv": SAME, "d2.csv": SAME})),
             [("2", 1), ("1", 2), ("2", 3)], mode="snapshot"),
    Delivery("dump_that_did_not_change_before_one_that_did",
             (({"d1.csv": ONE, "d2.csv": ONE, "d3.csv": TWO}, {"d1.csv": NEW, "d2.csv": SAME, "d3.csv": NEW}),
              ({}, {"d1.csv": SAME, "d2.csv": SAME, "d3.csv": SAME}),
              ({}, {"d1.csv": SAME, "d2.csv": SAME, "d3.csv": SAME}),
              ({"d1.csv": None}, {"d2.csv": SAME, "d3.csv": SAME}),
              ({"d3.csv": None}, {"d2.csv": SAME})), [("1", 1), ("2", 2)], mode="snapshot"),
    Delivery("dump_that_does_not_change_day_by_day",
             (({"d1.csv": ONE}, {"d1.csv": NEW}), ({"d2.csv": ONE}, {"d1.csv": SAME, "d2.csv": SAME}),
              ({"d3.csv": TWO}, {"d1.csv": SAME, "d2.csv": SAME, "d3.csv": NEW}),
              ({"d4.csv": ONE}, {"d1.csv": SAME, "d2.csv": SAME, "d3.csv": SAME, "d4.csv": NEW}),
              ({"d5.csv": ONE}, {"d1.csv": SAME, "d2.csv": SAME, "d3.csv": SAME, "d4.csv": SAME, "d5.csv": SAME}),
              ({}, {"d1.csv": SAME, "d2.csv": SAME, "d3.csv": SAME, "d4.csv": SAME, "d5.csv": SAME})),
             [("1", 1), ("2", 2), ("1", 3)], mode="snapshot"),
    Delivery("dump_that_did_not_change_delivered_again_with_another_state",
             (({"d1.csv": ONE, "d2.csv": ONE}, {"d1.csv": NEW, "d2.csv": SAME}),
              ({"d2.csv": TWO}, {"d1.csv": SAME, "d2.csv": NEW}), ({"d2.csv": ONE}, {"d1.csv": SAME, "d2.csv": NEW}),
              ({}, {"d1.csv": SAME, "d2.csv": SAME})), [("1", 1), ("2", 2), ("1", 3)], mode="snapshot"),
    Delivery("dump_that_did_not_change_renamed",
             (({"d1.csv": ONE, "d2.csv": ONE}, {"d1.csv": NEW, "d2.csv": SAME}),
              ({"d2.csv": None, "e2.csv": ONE}, {"d1.csv": SAME, "e2.csv": SAME}),
              ({"f3.csv": TWO}, {"d1.csv": SAME, "e2.csv": SAME, "f3.csv": NEW}),
              ({"e2.csv": None, "e3.csv": ONE}, {"d1.csv": SAME, "e3.csv": SAME, "f3.csv": SAME}),
              ({"f3.csv": None}, {"d1.csv": SAME, "e3.csv": SAME})), [("1", 1), ("2", 2)], mode="snapshot"),
    Delivery("dump_back_to_an_earlier_state_alone_in_the_folder",
             (({"d1.csv": ONE}, {"d1.csv": NEW}), ({"d1.csv": None, "d2.csv": TWO}, {"d2.csv": NEW}),
              ({"d2.csv": None, "c3.csv": ONE}, {"c3.csv": NEW}), ({}, {"c3.csv": SAME})),
             [("1", 1), ("2", 2), ("1", 3)], mode="snapshot"),
    Delivery("file_replaced_by_fewer_rows",
             (({"a.csv": _day("1", "2", "3")}, {"a.csv": NEW}), ({"a.csv": _day("1")}, {"a.csv": NEW})),
             [("1", 1), ("2", 1), ("3", 1), ("1", 2)]),
    Delivery("file_replaced_by_no_rows", (({"a.csv": ONE}, {"a.csv": NEW}), ({"a.csv": ORDERS}, {"a.csv": NEW})),
             [("1", 1)]),
    Delivery("file_that_grows_by_a_day",
             (({"a.csv": ONE}, {"a.csv": NEW}), ({"a.csv": _day("1", "2")}, {"a.csv": NEW})),
             [("1", 1), ("1", 2), ("2", 2)]),
    Delivery("file_replaced_by_an_empty_one",
             (({"a.csv": ONE}, {"a.csv": NEW}), ({"a.csv": b""}, {"a.csv": NO})), [("1", 1)]),
    Delivery("file_taken_away", (({"a.csv": ONE, "b.csv": TWO}, {"a.csv": NEW, "b.csv": NEW}),
             ({"a.csv": None}, {"b.csv": SAME})), [("1", 1), ("2", 2)]),
    Delivery("a_day_missing_that_comes_late",
             (({"day-01.csv": ONE, "day-03.csv": THREE}, {"day-01.csv": NEW, "day-03.csv": NEW}),
              ({"day-02.csv": TWO}, {"day-01.csv": SAME, "day-02.csv": NEW, "day-03.csv": SAME})),
             [("1", 1), ("3", 2), ("2", 3)]),
    Delivery("days_out_of_order",
             (({"day-03.csv": THREE}, {"day-03.csv": NEW}), ({"day-02.csv": TWO}, {"day-02.csv": NEW,
              "day-03.csv": SAME}), ({"day-01.csv": ONE}, {"day-01.csv": NEW, "day-02.csv": SAME, "day-03.csv": SAME})),
             [("3", 1), ("2", 2), ("1", 3)]),
    Delivery("refused_then_mended", (({"a.csv": "nothing useful\n"}, {"a.csv": NO}), ({}, {"a.csv": NO}),
             ({"a.csv": ONE}, {"a.csv": NEW}), ({}, {"a.csv": SAME})), [("1", 2)]),
    Delivery("refused_then_taken_away", (({"a.csv": b"", "b.csv": TWO}, {"a.csv": NO, "b.csv": NEW}),
             ({"a.csv": None}, {"b.csv": SAME})), [("2", 2)]),
    Delivery("cut_off_then_whole", (({"a.csv": ONE.replace(",web\n", ',"we')}, {"a.csv": NO}),
             ({"a.csv": ONE}, {"a.csv": NEW})), [("1", 2)]),
    Delivery("nothing_delivered", (({}, {}), ({"a.csv": ONE}, {"a.csv": NEW})), [("1", 1)]),
]  # fmt: skip
