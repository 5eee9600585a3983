"""Small pictures for the stewards' pages, as SVG inside the page: nothing to load, sharp in print.

Belongs here: bars and lineage, and their geometry. Does not belong here: which figures are shown (`report`). Every
picture has words for those who do not see it, and what a colour says is also said by height, place or text.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

BAR_WIDTH = 9
BAR_GAP = 3
NODE_WIDTH = 360
NODE_HEIGHT = 24
NODE_STEP = 30
NODE_GAP = 60


@dataclass(frozen=True)
class Bar:
    """One column of a picture: `parts` are (class of the style sheet, amount) from the bottom up; `words` say it.

    `link` is where a click leads, or empty.
    """

    parts: tuple[tuple[str, float], ...]
    words: str
    link: str = ""


def columns(bars: Sequence[Bar], words: str, height: int = 48, places: int = 0) -> Markup:
    """Bars side by side, the newest on the right; `places` keeps room for so many, so that pictures line up.

    Heights are square roots, so that a day is still seen beside the first load of ten years; the parts of a bar are cut
    as their amounts are.
    """
    largest = max((sum(amount for _, amount in bar.parts) for bar in bars), default=0) or 1
    places = max(places, len(bars), 1)
    width = places * (BAR_WIDTH + BAR_GAP)
    drawn = Markup("").join(
        _bar(bar, (places - len(bars) + number) * (BAR_WIDTH + BAR_GAP), height, largest)
        for number, bar in enumerate(bars)
    )
    return Markup(
        '<svg class="columns" role="img" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'aria-label="{words}"><title>{words}</title>'
        '<line class="axis" x1="0" x2="{width}" y1="{axis}" y2="{axis}"/>{drawn}</svg>'
    ).format(width=width, height=height, axis=height - 0.5, words=words, drawn=drawn)


def share(parts: Sequence[tuple[str, float]], words: str, width: int = 120, height: int = 10) -> Markup:
    """One line cut into parts, each as long as its amount is large; a part above 0 is never too thin to see."""
    total = sum(amount for _, amount in parts)
    if not total:
        return Markup("")
    lengths = [max(amount / total * width, 2.0) if amount else 0.0 for _, amount in parts]
    scale = width / sum(lengths)
    start = 0.0
    drawn = Markup("")
    for (name, _), length in zip(parts, lengths, strict=True):
        if length:
            drawn += Markup('<rect class="{}" x="{:.1f}" y="0" width="{:.1f}" height="{}"/>').format(
                name, start, length * scale, height
            )
            start += length * scale
    return Markup(
        '<svg class="share" role="img" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'aria-label="{words}"><title>{words}</title>{drawn}</svg>'
    ).format(width=width, height=height, words=words, drawn=drawn)


def lineage(name: str, parents: Sequence[tuple[str, str]], children: Sequence[tuple[str, str]]) -> Markup:
    """A table between what it is made of (left) and what is made of it (right), each as (name, anchor or empty)."""
    rows = max(len(parents), len(children), 1)
    height = rows * NODE_STEP
    middle = height / 2
    width = 3 * NODE_WIDTH + 2 * NODE_GAP
    words = (
        f"{name} is made of {', '.join(one for one, _ in parents) or 'nothing else'}; "
        f"it goes into {', '.join(one for one, _ in children) or 'nothing else'}."
    )
    drawn = _node(name, "", NODE_WIDTH + NODE_GAP, middle, "node itself")
    for number, (parent, anchor) in enumerate(parents):
        top = height * (number + 0.5) / len(parents)
        drawn += _curve(NODE_WIDTH, top, NODE_WIDTH + NODE_GAP, middle) + _node(parent, anchor, 0, top, "node")
    for number, (child, anchor) in enumerate(children):
        top = height * (number + 0.5) / len(children)
        left = 2 * (NODE_WIDTH + NODE_GAP)
        drawn += _curve(left - NODE_GAP, middle, left, top) + _node(child, anchor, left, top, "node")
    return Markup(
        '<svg class="lineage" role="group" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'aria-label="{words}">{drawn}</svg>'
    ).format(width=width, height=height, words=words, drawn=drawn)


def _node(name: str, anchor: str, left: float, middle: float, kind: str) -> Markup:
    box = Markup(
        '<rect class="{}" x="{}" y="{:.1f}" width="{}" height="{}" rx="3"/><text x="{}" y="{:.1f}">{}</text>'
    ).format(kind, left, middle - NODE_HEIGHT / 2, NODE_WIDTH, NODE_HEIGHT, left + 8, middle + 4, name)
    return Markup('<a href="#{}">{}</a>').format(anchor, box) if anchor else box


def _curve(left: float, top: float, right: float, bottom: float) -> Markup:
    middle = (left + right) / 2
    return Markup('<path class="flow" d="M{},{:.1f} C{},{:.1f} {},{:.1f} {},{:.1f}"/>').format(
        left, top, middle, top, middle, bottom, right, bottom
    )


def _bar(bar: Bar, left: int, height: int, largest: float) -> Markup:
    bottom, total = float(height), sum(amount for _, amount in bar.parts)
    whole = (total / largest) ** 0.5 * (height - 4)
    # What a pointer meets is the whole column: a low bar is as easy to hit as a high one.
    drawn = Markup('<rect class="hit" x="{}" y="0" width="{}" height="{}"/>').format(left, BAR_WIDTH, height)
    for name, amount in bar.parts:
        if amount:
            length = max(amount / total * whole, 2.0)
            bottom -= length
            drawn += Markup('<rect class="{}" x="{}" y="{:.1f}" width="{}" height="{:.1f}"/>').format(
                name, left, bottom, BAR_WIDTH, length
            )
    column = Markup("<g><title>{}</title>{}</g>").format(bar.words, drawn)
    return Markup('<a href="{}">{}</a>').format(bar.link, column) if bar.link else column
