"""Figures and tables as HTML, and tables as CSV.

Belongs here: markup that Streamlit has no element for: cards that say how a figure is made, tables that run from right
to left, are read out by screen readers and never take a text of the data for Markdown or HTML. Does not belong here:
what is in them. Everything that goes in is escaped here.
"""

from dataclasses import dataclass, field
from html import escape

import pandas as pd

# With one of these a spreadsheet takes a text for a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True)
class Badge:
    """A short remark on a card; `tone` is good, plain or warning."""

    text: str
    tone: str = "plain"


@dataclass(frozen=True)
class Card:
    """A figure with all that is needed to judge it. `facts` are label and value, in order."""

    name: str
    label: str
    value: str
    badges: list[Badge]
    facts: list[tuple[str, str]] = field(default_factory=list)
    is_uncertain: bool = False


def cards_as_html(cards: list[Card]) -> str:
    """Cards side by side, below each other where there is no room."""
    return f'<div class="figures">{"".join(_card(card) for card in cards)}</div>'


def _card(card: Card) -> str:
    badges = "".join(f'<span class="badge {badge.tone}">{escape(badge.text)}</span>' for badge in card.badges)
    facts = "".join(f"<div><dt>{escape(label)}</dt><dd>{escape(value)}</dd></div>" for label, value in card.facts)
    uncertain = " uncertain" if card.is_uncertain else ""
    return (
        f'<section class="figure{uncertain}" data-figure="{escape(card.name)}" aria-label="{escape(card.label)}">'
        f'<h3>{escape(card.label)}</h3><p class="value">{escape(card.value)}</p><p class="badges">{badges}</p>'
        f"<dl>{facts}</dl></section>"
    )


def table_as_html(name: str, caption: str, headings: list[str], rows: list[list[str]], numeric: list[bool]) -> str:
    """A table that scrolls in itself where the screen is too narrow. `numeric` says which columns hold numbers."""
    kinds = ["number" if is_number else "words" for is_number in numeric]
    head = "".join(
        f'<th scope="col" class="{kind}">{escape(heading)}</th>' for heading, kind in zip(headings, kinds, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(f'<td class="{kind}"><bdi>{escape(cell)}</bdi></td>' for cell, kind in zip(row, kinds, strict=True))
        + "</tr>"
        for row in rows
    )
    # Reachable by keyboard, because it may scroll.
    return (
        f'<div class="table" tabindex="0" role="region" aria-label="{escape(caption)}">'
        f'<table data-table="{escape(name)}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def paragraph(text: str, kind: str) -> str:
    """A paragraph of one of the kinds in style.css."""
    return f'<p class="{kind}">{escape(text)}</p>'


def csv_file(frame: pd.DataFrame) -> bytes:
    """A table as CSV for spreadsheets: UTF-8 with a mark, so that Excel reads every script; no cell is a formula."""
    safe = frame.copy()
    for column in safe.columns:
        safe[column] = [_harmless(value) if isinstance(value, str) else value for value in safe[column]]
    return safe.to_csv(index=False).encode("utf-8-sig")


def _harmless(text: str) -> str:
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA_STARTS) else text
