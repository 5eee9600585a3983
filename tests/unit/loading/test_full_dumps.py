"""Full dumps (mode snapshot) and kills. What arrives day by day is in tests/extracts/broken/deliveries.py."""

import pytest

from dagster_project.loading import loader
from dagster_project.loading.ledger import read_ledger

MAPPING = "name: shop\nsources:\n  - {name: orders, feed: orders, files: '*.csv', mode: snapshot}\n"
HEADER = "order_id,ordered_at,status\n"
ONE, TWO = f"{HEADER}1,2024-05-31,paid\n", f"{HEADER}2,2024-06-01,paid\n"


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the loader may catch it."""


@pytest.mark.parametrize("call", [1, 2, 3])
def test_a_dump_that_did_not_change_is_never_news_wherever_a_load_was_killed(home, monkeypatch, call):
    for name, content in (("d1.csv", ONE), ("d2.csv", ONE), ("d3.csv", TWO)):
        home.put(name, content)
    home.map(MAPPING)
    real, calls = loader.write_entry, []

    def die(*arguments):
        calls.append(1)
        if len(calls) == call:
            raise Killed
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(loader, "write_entry", die)
        with pytest.raises(Killed):
            home.load()
    home.load()
    assert [file.status for file in home.load().files] == ["unchanged"] * 3
    assert home.rows("orders", "order_id") == [("1",), ("2",)]
    assert read_ledger(home.settings, "shop")[0].also_delivered_as == ["d2.csv"]
