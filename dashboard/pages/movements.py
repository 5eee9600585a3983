"""Waterfalls of customers and of revenue, which two pages show."""

from dashboard import charts
from dashboard.figures import customers
from dashboard.view import View, number_format, show_chart


def show_movements(view: View, name: str, steps: dict[str, int], kind: str) -> None:
    """The way from a period's start to its end; `kind` is count or amount."""
    frame = view.answer(customers.movements, steps, view.selection)
    raw = frame[["step", "amount", "is_complete", "is_final"]]
    words = {"step": [view.texts(f"movement.{step}") for step in frame["step"]]}
    table = frame.assign(**words)
    # Two steps may have the same words; a chart tells steps apart by them.
    table["label"] = [view.texts.number(amount) for amount in frame["amount"]]
    table["tooltip"] = [f"{row.step}: {view.write(kind, row.amount)}" for row in table.itertuples()]
    chart = charts.waterfall(table, number_format(view, kind)) if frame["amount"].abs().sum() else None
    column = "count" if kind == "count" else "amount"
    table = table.assign(count=frame["amount"])
    title = view.texts(f"chart.{name}")
    if not frame["is_complete"].all():
        title = view.texts("chart.open", chart=title, certainty=view.texts("certainty.open"))
    show_chart(view, name, title, chart, table, {"step": "words", column: kind}, raw)
