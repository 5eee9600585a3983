"""Every case of tests/extracts/broken/deliveries.py: what arrives is loaded once, whatever the order it arrives in."""

import pytest

from tests.extracts.broken.deliveries import DELIVERIES, Delivery


@pytest.mark.parametrize("delivery", DELIVERIES, ids=[delivery.name for delivery in DELIVERIES])
def test_delivery(home, delivery: Delivery):
    home.map(f"name: shop\nsources:\n  - {{name: orders, feed: orders, files: '*.csv', mode: {delivery.mode}}}\n")
    for files, states in delivery.steps:
        for name, content in files.items():
            if content is None:
                (home.settings.extracts_dir / name).unlink()
            else:
                home.put(name, content)
        result = home.load()
        assert {file.source_file: file.status for file in result.files} == states
        assert all(file.rows_read == file.rows_accepted + file.rows_quarantined for file in result.files)
    assert home.rows("orders", "order_id, _load_sequence") == delivery.orders
