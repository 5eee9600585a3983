{#-
    What an answer is about, as one text: the order (after a service contact the ticket) where one is named, else the ticket (the order), else
    the customer. Whether or not each of several answers names the order of a ticket, or the ticket of an order, as well. Expects the columns
    touchpoint, order_id, ticket_id, customer_id and response_id.
-#}
{% macro rated_contact() -%}
    case
        when touchpoint = 'post_service' and ticket_id is not null then 'ticket ' || ticket_id
        when order_id is not null then 'order ' || order_id
        when ticket_id is not null then 'ticket ' || ticket_id
        when customer_id is not null then 'customer ' || customer_id
        else 'answer ' || response_id
    end
{%- endmacro %}
