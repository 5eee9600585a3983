"""What is expected of the lake after loading: one suite a feed.

Belongs here: rules about files, volume, freshness and the keys of accepted rows. Does not belong here: rules about
single values (the loader's row checks quarantine those), anything across feeds (`staging`).

The rules read `raw.<feed>`, `facts.files` and `facts.freshness`, which `dagster_project.quality.raw_lake` lays over
the lake and the ledger.
"""

from great_expectations.expectations.expectation import Expectation

from dagster_project.loading.contracts import Feed, load_feeds
from dagster_project.quality.freshness import GAPS_LOOKED_AT, GAPS_NEEDED, LATE_AFTER_USUAL_GAPS
from expectations.rules import Suite, filled, finds_nothing, not_empty

# Since 2026-11. More than one row in ten set aside is no longer bad luck with single rows but a wrong mapping or a
# broken export, and figures without those rows would mislead. Under 50 rows the share says little: small files are
# only warned about.
QUARANTINE_SHARE_LIMIT = 0.10
QUARANTINE_ROWS_LIMIT = 50

# Since 2026-11. Feeds of one company are usually exported together; a week covers a weekly export and a public holiday.
LAG_DAYS_LIMIT = 7

# Since 2026-11. A delivery is compared with the median of the 14 before it, two weeks of a daily feed: a shop that has
# grown is not compared with its beginnings. Weekends and campaigns halve or triple a day's trade, so only what lies
# outside is worth a look; and small counts vary by chance, by about their square root. Under five earlier deliveries
# there is no "usual" yet. To be reviewed when real deliveries of half a year have been seen.
VOLUME_LOWEST_RATIO = 0.5
VOLUME_HIGHEST_RATIO = 3
VOLUME_CHANCE = 3
VOLUME_DELIVERIES_NEEDED = 5
VOLUME_DELIVERIES_LOOKED_AT = 14

# Since 2026-11. Any status that is not cancelled, unavailable or test makes an order count, so a status nobody
# thought of deserves a look: it may be a cancellation under another name.
USUAL_ORDER_STATUSES = (
    "created",
    "approved",
    "invoiced",
    "processing",
    "paid",
    "placed",
    "completed",
    "shipped",
    "delivered",
    "returned",
    "refunded",
    "pending",
    "cancelled",
    "unavailable",
    "test",
)


def suites() -> list[Suite]:
    """One suite for every feed of the contract; a feed that was never delivered is an empty table and passes."""
    return [_suite(feed) for feed in load_feeds().values()]


def _suite(feed: Feed) -> Suite:
    expectations = [*_file_rules(feed.name), *_key_rules(feed), *_delivery_rules(feed.name)]
    if feed.name == "orders":
        expectations += _order_rules()
    return Suite(table=f"raw.{feed.name}", key=("_source_file", "_source_row"), expectations=expectations)


def _file_rules(feed: str) -> list[Expectation]:
    """Whether every file was read, and read whole."""
    current = f"from facts.files where feed = '{feed}' and is_current"
    loaded = f"from facts.files where feed = '{feed}' and status = 'loaded' and not is_replay"
    beyond_limit = (
        f"rows_in_quarantine >= {QUARANTINE_ROWS_LIMIT} "
        f"and rows_in_quarantine > {QUARANTINE_SHARE_LIMIT} * rows_read and status = 'loaded'"
    )
    day_beyond_limit = (
        f"having sum(rows_in_quarantine) >= {QUARANTINE_ROWS_LIMIT} "
        f"and sum(rows_in_quarantine) > {QUARANTINE_SHARE_LIMIT} * sum(rows_read)"
    )
    return [
        finds_nothing(
            "no_file_refused",
            "No extract file of this feed was refused. A refused file could not be read at all, so all of its rows are "
            "missing. The message says what to mend; afterwards run the job again.",
            query=f"select source_file, message {current} and status = 'refused'",
            checked=f"select count(*) {current}",
        ),
        finds_nothing(
            "quarantine_within_limit",
            f"In no file are more than {QUARANTINE_SHARE_LIMIT:.0%} of the rows (and at least {QUARANTINE_ROWS_LIMIT} "
            "rows) in quarantine. So many point to a wrong mapping or a broken export: mend the mapping and run "
            "`make run JOB=replay_quarantine` with the EXTRACTS and CONFIG of this run, or take the file out of the "
            "extracts folder. Another name changes nothing.",
            query=f"select source_file, rows_read, rows_in_quarantine, reasons {current} and {beyond_limit}",
            checked=f"select sum(rows_read) {current}",
            failed=f"select sum(rows_in_quarantine) {current} and {beyond_limit}",
        ),
        finds_nothing(
            "quarantine_of_day_within_limit",
            f"Of all rows loaded on one day, no more than {QUARANTINE_SHARE_LIMIT:.0%} (and at least "
            f"{QUARANTINE_ROWS_LIMIT} rows) are in quarantine: many small files can be broken together, each below the "
            "limit for one file.",
            query="select cast(loaded_at as date) as loaded_on, sum(rows_read) as rows_read, "
            f"sum(rows_in_quarantine) as rows_in_quarantine {current} and status = 'loaded' "
            f"group by 1 {day_beyond_limit}",
            checked=f"select sum(rows_read) {current}",
            failed="select sum(rows_in_quarantine) from (select sum(rows_in_quarantine) as rows_in_quarantine "
            f"{current} and status = 'loaded' group by cast(loaded_at as date) {day_beyond_limit}) as days",
        ),
        finds_nothing(
            "nothing_in_quarantine",
            "No row of this feed waits in quarantine, also none of a file that is gone or was replaced. Rows in "
            "quarantine are in no figure until they are replayed; those that came again or are junk can be discarded. "
            "The report lists the reasons.",
            query=f"select source_file, rows_read, rows_in_quarantine, reasons {loaded} and rows_in_quarantine > 0",
            checked=f"select sum(rows_read) {loaded}",
            failed=f"select sum(rows_in_quarantine) {loaded}",
            severity="warning",
        ),
        finds_nothing(
            "rows_conserved",
            "Every row of every file is accounted for: rows read are rows accepted plus rows quarantined, and as many "
            "are in "
            "the lake and in quarantine (or were replayed from there). If not, lake and ledger do not belong together: "
            "restore the warehouse home from a backup, or load everything into a new one.",
            query="select source_file, batch_id, rows_read, rows_accepted, rows_in_lake, rows_quarantined, "
            f"rows_in_quarantine, rows_replayed from facts.files where feed = '{feed}' and status = 'loaded' "
            "and (rows_read <> rows_accepted + rows_quarantined or rows_in_lake <> rows_accepted "
            "or rows_in_quarantine + rows_replayed <> rows_quarantined)",
            checked=f"select sum(rows_read) from facts.files where feed = '{feed}' and status = 'loaded'",
        ),
        finds_nothing(
            "files_hold_rows",
            "Every file holds at least one row. A file with a header only is often an export that went wrong.",
            query=f"select source_file {current} and status = 'loaded' and rows_read = 0",
            checked=f"select count(*) {current}",
            severity="warning",
        ),
    ]


def _key_rules(feed: Feed) -> list[Expectation]:
    return [
        filled(column, f"Every accepted row has its {column}: without it the row stands for nothing.")
        for column in feed.key
    ]


def _delivery_rules(feed: str) -> list[Expectation]:
    """Whether what came looks like what usually comes."""
    return [
        finds_nothing(
            "keeps_up_with_other_feeds",
            f"The latest event of this feed is at most {LAG_DAYS_LIMIT} days older than the latest event of any feed. "
            "If it is "
            "older, its export has probably stalled, and recent periods lack its data.",
            query=f"""
                select max(watermark) filter (where feed = '{feed}') as latest_event,
                    max(watermark) as latest_of_any_feed
                from facts.files
                where status = 'loaded'
                having max(watermark) filter (where feed = '{feed}') < max(watermark) - interval {LAG_DAYS_LIMIT} day
            """,
            checked=f"select count(*) from facts.files where feed = '{feed}' and status = 'loaded'",
            severity="warning",
        ),
        finds_nothing(
            "arrives_in_time",
            "Every source has brought something newer in the time that its own past leads one to expect: "
            f"{LATE_AFTER_USUAL_GAPS:g} times the usual gap (median of the last {GAPS_LOOKED_AT}, known from "
            f"{GAPS_NEEDED} gaps on) and two days for a weekend, or the span that `expect_every` sets in extracts.yml. "
            "Otherwise its export is late or has stopped, and recent periods lack its data.",
            query="select source_name, newest, allowed, checked_at from facts.freshness "
            f"where feed = '{feed}' and is_late",
            checked=f"select count(*) from facts.freshness where feed = '{feed}'",
            severity="warning",
        ),
        finds_nothing(
            "volume_as_usual",
            "Every file of the latest load (of the first load only the last file) holds between "
            f"{VOLUME_LOWEST_RATIO:g} and {VOLUME_HIGHEST_RATIO} times as many rows as the median "
            f"of the {VOLUME_DELIVERIES_LOOKED_AT} before it of the same source (from {VOLUME_DELIVERIES_NEEDED} on, "
            "and where it is more than chance). Otherwise the export may be cut short or doubled.",
            query=f"""
                with deliveries as (
                    select
                        source_name,
                        source_file,
                        rows_read,
                        loaded_at = max(loaded_at) over by_source
                            and (loaded_at > min(loaded_at) over by_source
                                or load_sequence = max(load_sequence) over by_source) as is_news,
                        row_number() over (partition by source_name order by load_sequence) as delivery_number
                    from facts.files
                    where feed = '{feed}' and status = 'loaded' and not is_replay
                    window by_source as (partition by source_name)
                ),
                compared as (
                    select
                        news.source_name,
                        news.source_file,
                        news.rows_read,
                        count(*) as deliveries_before,
                        median(earlier.rows_read) as usual_rows
                    from deliveries as news
                    inner join deliveries as earlier
                        on news.source_name = earlier.source_name
                        and earlier.delivery_number between news.delivery_number - {VOLUME_DELIVERIES_LOOKED_AT}
                            and news.delivery_number - 1
                    where news.is_news
                    group by news.source_name, news.source_file, news.rows_read, news.delivery_number
                )
                select source_name, source_file, rows_read, usual_rows
                from compared
                where deliveries_before >= {VOLUME_DELIVERIES_NEEDED}
                    and (
                        rows_read < {VOLUME_LOWEST_RATIO} * usual_rows
                        or rows_read > {VOLUME_HIGHEST_RATIO} * usual_rows
                    )
                    and abs(rows_read - usual_rows) > {VOLUME_CHANCE} * sqrt(usual_rows)
            """,
            checked=f"select count(*) from facts.files where feed = '{feed}' and status = 'loaded'",
            severity="warning",
        ),
    ]


def _order_rules() -> list[Expectation]:
    listed = ", ".join(f"'{status}'" for status in USUAL_ORDER_STATUSES)
    return [
        not_empty(
            "raw.orders",
            "There is at least one order. Without any there is nothing to compute, and nothing is published.",
        ),
        finds_nothing(
            "statuses_usual",
            "Every order has one of the usual statuses. Any other counts as a valid purchase: if one of those listed "
            "means "
            "that the order did not happen, map it to cancelled, unavailable or test (value_maps in extracts.yml).",
            query=f"select status, count(*) as order_count from raw.orders where status not in ({listed}) group by "
            "status",
            failed=f"select count(*) from raw.orders where status not in ({listed})",
            severity="warning",
        ),
    ]
