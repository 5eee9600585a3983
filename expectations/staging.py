"""What is expected of the staging tables: one suite a table.

Belongs here: nothing lost or doubled between raw and staging, ranges of single values. Does not belong here: that keys
are unique and complete, which dbt tests; rules across feeds (`intermediate`).
"""

from expectations.identities import LINE_VALUE
from expectations.rules import (
    BUILT_LOAD_SEQUENCE,
    Suite,
    between,
    filled,
    finds_nothing,
    given_up,
    holds,
    not_empty,
    one_of,
    taken_in,
    with_those_taken_in,
)
from expectations.staging_rules import conserved, dated, not_negative, on_one_side_only, refers_to

# Since 2026-11. One order of a hundred thousand pieces is possible in wholesale; more is usually a product code or a
# price that slipped into the column of quantities.
LARGEST_QUANTITY = 100_000

# Asked of all rows, or of those that a refresh took in.
_VERSIONS_APART = """
    select customer_id, version_number, valid_to_at, next_valid_from_at
    from (
        select
            customer_id, version_number, valid_to_at,
            lead(valid_from_at) over (partition by customer_id order by version_number) as next_valid_from_at
        from {table} as spans
    ) as versions
    where valid_to_at is distinct from next_valid_from_at
"""
_SCORES_OFF_SCALE = """
    select responses.response_id, responses.metric, responses.scale_id, responses.score
    from {table} as responses
    left join reference.survey_scales as scales
        on responses.scale_id = scales.scale_id and responses.metric = scales.metric
    where responses.score is not null
        and (scales.scale_id is null or responses.score not between scales.minimum_score and scales.maximum_score)
"""


def suites() -> list[Suite]:
    """One suite for every staging table."""
    return [
        _customer_versions(),
        _customers(),
        _tickets(),
        _orders(),
        _order_lines(),
        _order_refunds(),
        _responses(),
        _exchange_rates(),
    ]


_DELIVERED_CUSTOMERS = """
    select customer_id, updated_at, created_at, _load_sequence as load_sequence, _source_row as source_row
    from raw.crm_customers
"""


def _versions_in(customers: str) -> str:
    """SQL for customer and moment of each version in these deliveries; those that state no moment are one version."""
    return f"""
        select customer_id, updated_at as valid_from_at
        from ({customers}) as stated
        where updated_at is not null
        union all
        select customer_id, created_at as valid_from_at
        from (
            select
                *,
                row_number() over (
                    partition by customer_id order by load_sequence desc, source_row desc
                ) as recency_rank
            from ({customers}) as delivered
            where updated_at is null
        ) as not_stated
        where recency_rank = 1
    """


def _customer_versions() -> Suite:
    table = "staging.stg_crm__customer_versions"
    return Suite(
        table=table,
        key=("customer_id", "version_number"),
        expectations=[
            finds_nothing(
                "nothing_lost_or_doubled",
                "Each delivered version of a customer (customer and moment of the change) is one row here, and there "
                "is no other.",
                query=f"""
                    with delivered as (
                        select distinct * from ({_versions_in(_DELIVERED_CUSTOMERS)}) as moments
                    )
                    select coalesce(delivered.customer_id, versions.customer_id) as customer_id, valid_from_at
                    from delivered
                    full join {table} as versions using (customer_id, valid_from_at)
                    where delivered.customer_id is null or versions.customer_id is null
                """,
                # All versions of the customers delivered are taken in: those known before and those that came.
                after_refresh=on_one_side_only(
                    "customer_id, valid_from_at",
                    _versions_in(f"""
                        {_DELIVERED_CUSTOMERS} where _load_sequence > {BUILT_LOAD_SEQUENCE}
                        union all
                        select customer_id, updated_at, created_at, -1 as load_sequence, -1 as source_row
                        from {given_up(table)}
                    """),
                    taken_in(table),
                ),
            ),
            holds(
                "version_ends_after_start",
                "A version ends after it began, and the open one is the current one.",
                broken_when="valid_to_at <= valid_from_at or is_current <> (valid_to_at is null)",
                columns=["valid_from_at", "valid_to_at", "is_current"],
            ),
            finds_nothing(
                "versions_follow_each_other",
                "The versions of a customer follow each other without gap or overlap, and exactly one is current.",
                query=_VERSIONS_APART.format(table=table),
                after_refresh=_VERSIONS_APART.format(table=with_those_taken_in(table, "customer_id")),
            ),
            not_negative("acquisition_cost", "Winning a customer never costs less than nothing."),
            holds(
                "closed_after_created",
                "A customer is closed at or after the moment of creation.",
                broken_when="closed_at < created_at",
                columns=["created_at", "closed_at"],
                severity="warning",
            ),
        ],
    )


def _customers() -> Suite:
    table = "staging.stg_crm__customers"
    return Suite(
        table=table,
        key=("customer_id",),
        expectations=[
            conserved(table, "raw.crm_customers", ["customer_id"], "customer"),
            filled("created_at", "Every customer has a moment of creation: contracts start there."),
            holds(
                "not_merged_into_itself",
                "No customer is its own survivor of a merge.",
                broken_when="canonical_customer_id = customer_id",
                columns=["canonical_customer_id"],
            ),
            finds_nothing(
                "survivor_known",
                "The survivor of every merge is itself in the CRM. Otherwise its segment is unknown.",
                query="""
                    select merged.customer_id, merged.canonical_customer_id
                    from staging.stg_crm__customers as merged
                    left join staging.stg_crm__customers as survivor
                        on merged.canonical_customer_id = survivor.customer_id
                    where merged.canonical_customer_id is not null and survivor.customer_id is null
                """,
                severity="warning",
            ),
        ],
    )


def _tickets() -> Suite:
    table = "staging.stg_crm__tickets"
    return Suite(
        table=table,
        key=("ticket_id",),
        expectations=[
            conserved(table, "raw.crm_tickets", ["ticket_id"], "ticket"),
            dated("opened_at", "ticket"),
            holds(
                "closed_after_opened",
                "A ticket is closed at or after the moment it was opened.",
                broken_when="closed_at < opened_at",
                columns=["opened_at", "closed_at"],
                severity="warning",
            ),
            refers_to(
                table, "customer_id", "staging.stg_crm__customers", "customer_id", "ticket", "customer of the CRM"
            ),
        ],
    )


def _orders() -> Suite:
    table = "staging.stg_orders__orders"
    return Suite(
        table=table,
        key=("order_id",),
        expectations=[
            not_empty(table, "There is at least one order."),
            conserved(table, "raw.orders", ["order_id"], "order"),
            dated("ordered_at", "order"),
            filled("status", "Every order has a status: without it nobody knows whether it counts."),
            holds(
                "status_normalised",
                "A status is lower case without blanks around it, so that cancelled orders are recognised.",
                broken_when="status <> lower(trim(status))",
                columns=["status"],
            ),
            not_negative("discount_amount", "A discount is not negative."),
            holds(
                "order_amount_not_negative",
                "An order's amount is not negative. Money given back belongs into order_refunds; a credit note that is "
                "delivered as an order should have the status cancelled.",
                broken_when="order_amount < 0",
                columns=["order_amount", "status"],
                severity="warning",
            ),
            refers_to(
                table, "customer_id", "staging.stg_crm__customers", "customer_id", "order", "customer of the CRM"
            ),
        ],
    )


def _order_lines() -> Suite:
    table = "staging.stg_orders__order_lines"
    return Suite(
        table=table,
        key=("order_id", "line_number"),
        expectations=[
            conserved(table, "raw.order_lines", ["order_id", "line_number"], "order line"),
            filled("unit_price", "Every line has a price; 0 is one, nothing is not."),
            between("quantity", "A line's quantity is not negative; returns belong into order_refunds.", minimum=0),
            holds(
                "quantity_plausible",
                f"A line's quantity is at most {LARGEST_QUANTITY:,}; more is probably not a quantity.",
                broken_when=f"quantity > {LARGEST_QUANTITY}",
                columns=["quantity"],
                severity="warning",
            ),
            not_negative("discount_amount", "A discount is not negative."),
            holds(
                "discount_within_price",
                "A line's discount is not larger than quantity times price.",
                broken_when=f"discount_amount > {LINE_VALUE} and unit_price >= 0",
                columns=["quantity", "unit_price", "discount_amount"],
                severity="warning",
            ),
            refers_to(table, "order_id", "staging.stg_orders__orders", "order_id", "order line", "order"),
        ],
    )


def _order_refunds() -> Suite:
    table = "staging.stg_orders__order_refunds"
    return Suite(
        table=table,
        key=("refund_id",),
        expectations=[
            conserved(table, "raw.order_refunds", ["refund_id"], "refund"),
            dated("refunded_at", "refund"),
            filled("refund_amount", "Every refund has an amount."),
            not_negative("refund_amount", "A refund is a positive amount of money given back."),
            refers_to(table, "order_id", "staging.stg_orders__orders", "order_id", "refund", "order"),
        ],
    )


def _responses() -> Suite:
    table = "staging.stg_surveys__responses"
    return Suite(
        table=table,
        key=("response_id",),
        expectations=[
            conserved(table, "raw.survey_responses", ["response_id"], "survey invitation"),
            one_of("metric", "A survey asks for csat, nps or ces.", ["csat", "nps", "ces"]),
            one_of(
                "touchpoint", "A survey follows a purchase or a service contact.", ["post_purchase", "post_service"]
            ),
            finds_nothing(
                "score_on_its_scale",
                "Every score lies on its scale; another one would distort satisfaction.",
                query=_SCORES_OFF_SCALE.format(table=table),
                after_refresh=_SCORES_OFF_SCALE.format(table=taken_in(table)),
                checked=f"select count(score) from {table}",
            ),
            holds(
                "answered_after_sent",
                "An invitation is answered at or after the moment it was sent.",
                broken_when="answered_at < sent_at",
                columns=["sent_at", "answered_at"],
                severity="warning",
            ),
        ],
    )


def _exchange_rates() -> Suite:
    table = "staging.stg_reference__exchange_rates"
    return Suite(
        table=table,
        key=("rate_date", "currency"),
        expectations=[
            conserved(table, "raw.fx_rates", ["rate_date", "currency"], "exchange rate"),
            holds(
                "rate_positive",
                "An exchange rate is more than 0: a rate of 0 would make every order in that currency worthless.",
                broken_when="exchange_rate is null or exchange_rate <= 0",
                columns=["exchange_rate"],
            ),
            finds_nothing(
                "rate_like_the_day_before",
                # Since 2026-11. Even in a currency crisis a rate rarely halves or doubles overnight; a slipped decimal
                # point or a rate the wrong way round does.
                "A rate is at least half and at most twice the one before it in the same currency.",
                query="""
                    select currency, rate_date, exchange_rate, rate_before
                    from (
                        select
                            currency, rate_date, exchange_rate,
                            lag(exchange_rate) over (partition by currency order by rate_date) as rate_before
                        from staging.stg_reference__exchange_rates
                    ) as rates
                    where exchange_rate > 2 * rate_before or 2 * exchange_rate < rate_before
                """,
                severity="warning",
            ),
        ],
    )
