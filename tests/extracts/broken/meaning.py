"""Keys and meanings: rows that are well written and still cannot all be true.

The loader sees one row at a time. What needs other rows to be judged (a key twice, an orphan, a refund above its sale)
it must let through unchanged; `judged_later` names the check that takes it up.
"""

from decimal import Decimal

from tests.extracts.broken.case import ANSWERS, CUSTOMERS, LINES, ORDERS, RATES, REFUNDS, TICKETS, Case

ORDER = "2024-05-31,paid,5,web"

KEYS = [
    Case("duplicate_key", f"{ORDERS}1,{ORDER}\n1,2024-06-01,paid,6,web\n", read=2, accepted=2,
         values=("order_id", ["1", "1"]), judged_later="nothing_lost_or_doubled"),
    Case("duplicate_row", f"{ORDERS}1,{ORDER}\n1,{ORDER}\n", read=2, accepted=2,
         judged_later="nothing_lost_or_doubled"),
    Case("null_key", f"{ORDERS},{ORDER}\n2,{ORDER}\n", read=2, accepted=1, reasons={"missing:order_id": 1}),
    Case("quoted_empty_key", f'{ORDERS}"",{ORDER}\n" ",{ORDER}\n', read=2, reasons={"missing:order_id": 2}),
    Case("half_a_key", f"{LINES}1,,1,1\n,1,1,1\n", read=2,
         reasons={"missing:line_number": 1, "missing:order_id": 1}, feed="order_lines"),
    Case("case_differing_keys", f"{ORDERS}a1,{ORDER}\nA1,{ORDER}\n", read=2, accepted=2,
         values=("order_id", ["a1", "A1"])),
    Case("keys_that_differ_by_a_space", f"{ORDERS}a1,{ORDER}\na1 ,{ORDER}\n", read=2, accepted=2,
         values=("order_id", ["a1", "a1"]), judged_later="nothing_lost_or_doubled"),
    Case("orphan_refund", f"{REFUNDS}r1,none,2024-05-31,5\n", read=1, accepted=1, feed="order_refunds",
         judged_later="_found"),
    Case("orphan_line", f"{LINES}none,1,1,1\n", read=1, accepted=1, feed="order_lines", judged_later="_found"),
    Case("orphan_ticket", f"{TICKETS}t1,nobody,2024-05-31,\n", read=1, accepted=1, feed="crm_tickets",
         judged_later="_found"),
]  # fmt: skip

MEANING = [
    Case("refund_above_sale", f"{REFUNDS}r2,1,2024-05-31,99999\n", read=1, accepted=1, feed="order_refunds",
         judged_later="refund_within_value"),
    Case("negative_refund", f"{REFUNDS}r3,1,2024-05-31,-5\n", read=1, reasons={"below_minimum:amount": 1},
         feed="order_refunds"),
    Case("refund_without_amount", f"{REFUNDS}r4,1,2024-05-31,\n", read=1, reasons={"missing:amount": 1},
         feed="order_refunds"),
    Case("answer_above_scale", f"{ANSWERS}a1,csat,5,6,2024-05-31\n", read=1, reasons={"off_scale:score": 1},
         feed="survey_responses"),
    Case("answer_below_scale", f"{ANSWERS}a2,nps,,-1,2024-05-31\n", read=1, reasons={"off_scale:score": 1},
         feed="survey_responses"),
    Case("answer_on_an_unknown_scale", f"{ANSWERS}a3,csat,6,5,2024-05-31\n", read=1,
         reasons={"unknown_scale:scale_id": 1}, feed="survey_responses"),
    Case("answer_without_scale", f"{ANSWERS}a4,csat,,5,2024-05-31\n", read=1, reasons={"missing:scale_id": 1},
         feed="survey_responses"),
    Case("answer_of_no_metric", f"{ANSWERS}a5,,5,5,2024-05-31\n", read=1, reasons={"missing:metric": 1},
         feed="survey_responses"),
    Case("answer_before_it_was_possible", f"{ANSWERS}a6,nps,,5,1970-01-01\n", read=1,
         reasons={"placeholder:answered_at": 1}, feed="survey_responses"),
    Case("missing_rate", f"{RATES}2024-05-31,USD,\n", read=1, reasons={"missing:rate": 1}, feed="fx_rates"),
    Case("negative_rate", f"{RATES}2024-05-31,USD,-1\n", read=1, reasons={"not_positive:rate": 1}, feed="fx_rates"),
    Case("rate_of_zero", f"{RATES}2024-05-31,USD,0\n", read=1, reasons={"not_positive:rate": 1}, feed="fx_rates"),
    Case("rate_that_rounds_to_zero", f"{RATES}2024-05-31,USD,0.0000000000000001\n", read=1,
         reasons={"not_positive:rate": 1, "too_small_a_rate:rate": 1}, feed="fx_rates"),
    Case("rate_that_15_decimals_do_not_hold", f"{RATES}2024-05-31,IRR,0.00000000012345678901\n", read=1,
         reasons={"too_small_a_rate:rate": 1}, feed="fx_rates"),
    Case("rate_of_a_weak_currency", f"{RATES}2024-05-31,IRR,0.00000088496\n2024-05-31,KWD,3678000.12345678\n", read=2,
         accepted=2, values=("rate", [Decimal("0.00000088496"), Decimal("3678000.12345678")]), feed="fx_rates"),
    Case("article_number_as_quantity", f"{LINES}1,1,4006381333931,199\n", read=1,
         reasons={"product_out_of_range:unit_price": 1}, feed="order_lines"),
    Case("article_number_as_quantity_at_cost", "order_id,line_number,quantity,unit_price,unit_cost\n1,1,4e12,2,150\n",
         read=1, reasons={"product_out_of_range:unit_cost": 1}, feed="order_lines"),
    Case("line_of_rials", f"{LINES}1,1,1000,99999999998\n", read=1, accepted=1, feed="order_lines"),
    Case("rate_of_an_unknown_currency", f"{RATES}2024-05-31,XXZ,1\n", read=1,
         reasons={"unknown_currency:currency": 1}, feed="fx_rates"),
    Case("order_in_a_currency_without_rate", "order_id,ordered_at,status,currency\n9,2024-05-31,paid,JPY\n", read=1,
         accepted=1, judged_later="exchange_rate_found"),
    Case("closed_before_created", f"{CUSTOMERS}c1,2024-05-31,,2024-05-30,,\n", read=1,
         reasons={"closed_before_created:closed_at": 1}, feed="crm_customers"),
    Case("ticket_closed_before_opened", f"{TICKETS}t2,c1,2024-05-31,2024-05-30\n", read=1,
         reasons={"closed_before_created:closed_at": 1}, feed="crm_tickets"),
    Case("merge_cycle", f"{CUSTOMERS}c2,2024-05-31,,,c3,\nc3,2024-05-31,,,c2,\n", read=2, accepted=2,
         feed="crm_customers", judged_later="no_circular_merge"),
    Case("merged_into_itself", f"{CUSTOMERS}c4,2024-05-31,,,c4,\n", read=1, accepted=1, feed="crm_customers",
         judged_later="not_merged_into_itself"),
    Case("merged_into_nobody", f"{CUSTOMERS}c5,2024-05-31,,,nobody,\n", read=1, accepted=1, feed="crm_customers",
         judged_later="survivor_known"),
    Case("created_at_the_placeholder", f"{CUSTOMERS}c6,1970-01-01,,,,\n", read=1,
         reasons={"placeholder:created_at": 1}, feed="crm_customers"),
    Case("everything_wrong_at_once", f"{ORDERS},yesterday,,much,\n", read=1,
         reasons={"missing:order_id": 1, "missing:status": 1, "not_a_number:order_amount": 1,
                  "not_a_timestamp:ordered_at": 1}),
]  # fmt: skip
