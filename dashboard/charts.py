"""Charts as Altair draws them.

Belongs here: marks, scales and colours. Does not belong here: reading figures, words (they come in as columns and
titles). Charts run from left to right in every language, as time does in the tables of the trade.

What is uncertain is seen twice, by shape and by colour, because not everybody sees colours. Labels of axes are texts
from the caller: Vega never parses a date or formats in English.
"""

import altair as alt
import pandas as pd

INK, MUTED, GRID = "#1c2430", "#5b6472", "#dfe3e8"
BLUE, ORANGE, GREEN, RED = "#0b5cad", "#b45309", "#047857", "#b42318"
SERIES_COLOURS = (BLUE, ORANGE)
HEIGHT = 260
LEGEND_LINE = 16
# Beyond so many cells numbers in them cannot be read.
LABELLED_COHORTS = 16


def trend(frame: pd.DataFrame, certainties: list[str], number_format: dict[str, object]) -> alt.LayerChart:
    """One or several series over periods, with their interval and a mark by certainty.

    `frame`: period (label, in order), value, lower, upper, certainty (a text out of `certainties`, the reliable one
    first), series, tooltip. `number_format`: from `number_locale` and a d3 format.
    """
    names = list(dict.fromkeys(frame["series"]))
    base = alt.Chart().encode(
        x=alt.X("period:N", sort=None, title=None, axis=_period_axis()),
        color=alt.Color(
            "series:N",
            scale=alt.Scale(domain=names, range=list(SERIES_COLOURS[: len(names)])),
            legend=_legend() if len(names) > 1 else None,
        ),
    )
    value = alt.Y("value:Q", title=None, axis=_axis(number_format), scale=alt.Scale(zero=True, nice=True))
    band = base.mark_area(opacity=0.18).encode(y=alt.Y("lower:Q", title=None), y2="upper:Q")
    line = base.mark_line(strokeWidth=2).encode(y=value)
    points = base.mark_point(size=60, opacity=1, filled=True).encode(
        y=value,
        shape=alt.Shape(
            "certainty:N",
            scale=alt.Scale(domain=certainties, range=["circle", "triangle-up", "square"]),
            legend=_legend(shapes=True) if (frame["certainty"] != certainties[0]).any() else None,
        ),
        tooltip=alt.Tooltip("tooltip:N"),
    )
    layers = [line, points] if frame["lower"].isna().all() else [band, line, points]
    return _finish(layers, frame, number_format, HEIGHT)


def waterfall(frame: pd.DataFrame, number_format: dict[str, object]) -> alt.LayerChart:
    """Steps from a level to a level. `frame`: step (text, in order), start, end, sign, label, tooltip."""
    frame = frame.assign(top=frame[["start", "end"]].max(axis=1))
    base = alt.Chart().encode(
        x=alt.X("step:N", sort=None, title=None, axis=alt.Axis(labelAngle=-30, labelLimit=120, **_AXIS))
    )
    bars = base.mark_bar(size=34).encode(
        y=alt.Y("start:Q", title=None, axis=_axis(number_format)),
        y2="end:Q",
        color=alt.Color("sign:N", scale=alt.Scale(domain=[0, 1, -1], range=[MUTED, GREEN, RED]), legend=None),
        tooltip=alt.Tooltip("tooltip:N"),
    )
    labels = base.mark_text(dy=-8, color=INK).encode(y="top:Q", text="label:N")
    return _finish([bars, labels], frame, number_format, HEIGHT + 40)


def bars(frame: pd.DataFrame, certainties: list[str], number_format: dict[str, object]) -> alt.LayerChart:
    """One bar a category, with its interval. `frame`: category, value, lower, upper, certainty, tooltip."""
    base = alt.Chart().encode(y=alt.Y("category:N", sort=None, title=None, axis=alt.Axis(labelLimit=180, **_AXIS)))
    has_legend = bool((frame["certainty"] != certainties[0]).any())
    colour = alt.Color(
        "certainty:N",
        scale=alt.Scale(domain=certainties, range=[BLUE, ORANGE, MUTED]),
        legend=_legend() if has_legend else None,
    )
    bar = base.mark_bar(size=16).encode(
        x=alt.X("value:Q", title=None, axis=_axis(number_format)),
        color=colour,
        tooltip=alt.Tooltip("tooltip:N"),
    )
    layers = [bar]
    if not frame["lower"].isna().all():
        layers.append(base.mark_rule(color=INK, strokeWidth=2).encode(x="lower:Q", x2="upper:Q"))
    # Axis and legend are taken out of the height.
    height = max(120, 30 * len(frame) + 40) + (len(certainties) * LEGEND_LINE + 20 if has_legend else 0)
    return _finish(layers, frame, number_format, height)


def ranges(frame: pd.DataFrame, number_format: dict[str, object]) -> alt.LayerChart:
    """The middle four fifths with median and mean. `frame`: category, p10, median, p90, mean, tooltip."""
    base = alt.Chart().encode(
        y=alt.Y("category:N", sort=None, title=None, axis=alt.Axis(labelLimit=180, **_AXIS)),
        tooltip=alt.Tooltip("tooltip:N"),
    )
    span = base.mark_bar(size=12, color=BLUE, opacity=0.35).encode(
        x=alt.X("p10:Q", title=None, axis=_axis(number_format)), x2="p90:Q"
    )
    median = base.mark_tick(color=BLUE, thickness=4, size=24).encode(x="median:Q")
    mean = base.mark_point(color=ORANGE, filled=True, size=80, opacity=1, shape="diamond").encode(x="mean:Q")
    return _finish([span, median, mean], frame, number_format, max(140, 44 * len(frame) + 40))


def histogram(frame: pd.DataFrame, number_format: dict[str, object]) -> alt.LayerChart:
    """Counts by range of values. `frame`: from, to, count, tooltip."""
    bars_ = (
        alt.Chart()
        .mark_bar(color=BLUE, stroke="white")
        .encode(
            x=alt.X("from:Q", bin="binned", title=None, axis=_axis(number_format)),
            x2="to:Q",
            y=alt.Y("count:Q", title=None, axis=_axis(number_format)),
            tooltip=alt.Tooltip("tooltip:N"),
        )
    )
    return _finish([bars_], frame, number_format, HEIGHT)


def heatmap(frame: pd.DataFrame, number_format: dict[str, object]) -> alt.LayerChart:
    """Cohorts down, periods since across. `frame`: cohort, index, value, label, certainty (bool), tooltip."""
    cohorts = frame["cohort"].nunique()
    base = alt.Chart().encode(
        x=alt.X("index:O", title=None, axis=alt.Axis(labelAngle=0, labelOverlap=True, orient="top", **_AXIS)),
        y=alt.Y("cohort:N", sort=None, title=None, axis=alt.Axis(labelOverlap=True, **_AXIS)),
    )
    # The first column is 1 by definition and would leave the rest in one shade.
    highest = frame.loc[frame["index"] > 0, "value"].max()
    top = float(highest) if pd.notna(highest) and highest > 0 else 1.0
    cells = base.mark_rect(stroke="white", strokeWidth=1).encode(
        color=alt.Color(
            "value:Q",
            scale=alt.Scale(domain=[0, top], range=["#eef4fb", "#0b5cad"], clamp=True),
            legend=alt.Legend(title=None, orient="bottom", **_legend_axis(number_format)),
        ),
        opacity=alt.Opacity("faint:Q", scale=None, legend=None),
        tooltip=alt.Tooltip("tooltip:N"),
    )
    frame["faint"] = frame["is_uncertain"].map({True: 0.45, False: 1.0})
    layers = [cells]
    if cohorts <= LABELLED_COHORTS:
        dark = (frame["value"] > top * 0.55) & ~frame["is_uncertain"]
        frame["ink"] = dark.map({True: "#ffffff", False: INK})
        layers.append(base.mark_text(fontSize=10).encode(text="label:N", color=alt.Color("ink:N", scale=None)))
    height = max(160, 22 * cohorts + 80)
    # Cells and the ink on them are coloured each by its own rule.
    each_its_own = alt.Resolve(scale=alt.ScaleResolveMap(color="independent"))
    return _finish(layers, frame, number_format, height, resolve=each_its_own)


def number_locale(digits: str, decimal: str, thousands: str, percent: str) -> dict[str, object]:
    """How Vega writes numbers: `digits` are the ten digits of the language in order."""
    return {
        "decimal": decimal,
        "thousands": thousands,
        "grouping": [3],
        "currency": ["", ""],
        "numerals": list(digits),
        "percent": percent,
    }


_AXIS = {"labelColor": INK, "labelFontSize": 12, "domainColor": MUTED, "tickColor": GRID}


def _axis(number_format: dict[str, object]) -> alt.Axis:
    return alt.Axis(format=str(number_format["format"]), gridColor=GRID, tickCount=5, labelOverlap=True, **_AXIS)


def _period_axis() -> alt.Axis:
    return alt.Axis(labelAngle=-40, labelOverlap="greedy", labelSeparation=6, grid=False, **_AXIS)


def _legend(*, shapes: bool = False) -> alt.Legend:
    """Below the chart; `shapes` for marks that are told apart by shape, whatever their colour."""
    symbols = {"symbolFillColor": INK, "symbolStrokeColor": INK} if shapes else {}
    return alt.Legend(
        title=None,
        orient="bottom",
        direction="vertical",
        labelColor=INK,
        labelFontSize=12,
        labelLimit=260,
        symbolOpacity=1,
        **symbols,
    )


def _legend_axis(number_format: dict[str, object]) -> dict[str, object]:
    return {"format": str(number_format["format"]), "labelColor": INK, "gradientLength": 160}


def _finish(
    layers: list[alt.Chart], frame: pd.DataFrame, number_format: dict[str, object], height: int, **more: object
) -> alt.LayerChart:
    """The layers as one chart. All is given at once: Altair copies a chart with its data at every later step."""
    return alt.layer(
        *layers,
        data=frame.reset_index(drop=True),
        height=height,
        width="container",
        background="transparent",
        config=alt.Config(
            locale={"number": number_format["locale"]}, font="inherit", view=alt.ViewConfig(strokeWidth=0)
        ),
        **more,
    )
