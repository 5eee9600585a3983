"""Quarantined rows at which the engine itself stops: they harm no other batch, and nobody reads their values."""

HEADER = "order_id,ordered_at,zone,status\n"
MAPPING = "name: shop\nsources:\n  - {name: orders, feed: orders, files: '*.csv'}\n"
# An error that TRY does not turn into NULL, and whose words quote the value.
IN_THEIR_ZONE = "{sql: \"timezone(zone, strptime(ordered_at, '%d/%m/%Y'))\"}"
COLUMNS = f"{{order_id: order_id, status: status, ordered_at: {IN_THEIR_ZONE}}}"


def test_rows_at_which_the_engine_stops_leave_the_others_to_be_replayed(home):
    home.put("a.csv", f"{HEADER}1,31/05/2024,Moon/Secret,paid\n")
    home.put("b.csv", f"{HEADER}2,31/05/2024,Asia/Tehran,paid\n")
    home.map(MAPPING)
    home.load()
    home.map(MAPPING.replace("'*.csv'", f"'*.csv', columns: {COLUMNS}"))
    outcomes = home.replay().files
    assert [(file.source_file, file.status, file.rows_accepted) for file in outcomes] == [
        ("a.csv", "refused", 0),
        ("b.csv", "loaded", 1),
    ]
    assert "NotImplementedException" in outcomes[0].message
    assert "Secret" not in str(home.said)
    (warning,) = home.replay().warnings
    assert warning == f"a.csv: {outcomes[0].message}"
    assert home.rows("orders", "order_id") == [("2",)]
    assert len(home.quarantined("orders")) == 1


def test_rows_whose_source_is_not_in_the_mapping_any_more_are_told(home):
    home.put("a.csv", f"{HEADER}1,31/05/2024,Asia/Tehran,paid\n")
    home.map(MAPPING)
    home.load()
    home.map(MAPPING.replace("name: orders", "name: shop_orders"))
    result = home.replay()
    assert result.files == []
    (warning,) = result.warnings
    assert "the mapping has no source orders of orders any more; its rows stay in quarantine" in warning
