"""The results of a benchmark as a page with a chart.

Belongs here: RESULTS.md, results.svg, the description of the machine. Does not belong here: measuring.
"""

import math
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import duckdb
import psutil

from benchmarks.size_results import SizeResult
from dagster_project.publishing.releases import git_revision

CHART = "results.svg"
COLOURS = ("#6b7280", "#1d4ed8", "#d97706", "#047857")
WIDTH, HEIGHT, MARGIN = 760, 420, 64
LABEL_HEIGHT = 18
INTRODUCTION = """\
Written by `make bench`. For each size, in one run and on the same generated extracts: bare SQL on the same engine (the
baseline, `benchmarks/baseline_sql/`), a first run in a new home with every check and the release, a refresh after one
new day has arrived, a refresh of nothing. The baseline computes every row and column of the headline marts: retention,
churn, cohorts, order values, satisfaction and lifetime value; not the dimensions, the reasons of churn and the
restatements. The engine may take 4 GB in each; bare SQL may take more from 20 million orders on, where 4 GB are too
few for it.
All of it was equal to the release before the new day and after it; otherwise there would be no row."""
ABOUT_TARGETS = """\
Targets: a rebuild takes at most 1.5 times the baseline (at 10 million orders); a new day, beyond what a refresh of
nothing takes, at most 5 % of the rebuild; a refresh of nothing, the fixed cost, at most 15 s; validation at most 15 %
of the rebuild; at most 6,000 MB (at 50 million orders)."""
ABOUT_PARTS = """\
Seconds of the steps, by Dagster's own history; `start-up` is what is left of the whole: interpreter, imports,
definitions and, in a new home, dbt's parse of the project; Dagster's plan and its time between steps; the stewards'
pages. Imports of dbt and Great Expectations happen in the first step that needs them. Tests of dbt belong to
`transform`."""
ABOUT_GROWTH = """\
Exponent of the seconds over the number of orders: 1 grows in proportion, less is better. Only between sizes measured
with one code on one machine on one day."""
ABOUT_FIXED = """\
What a refresh of nothing takes: the cost of every run that does not grow with the rows. Great Expectations is imported
in the step gate_raw, which always runs; dbt is not imported when nothing is built."""


def machine() -> dict[str, str]:
    """What the benchmark runs on, how busy that was before it began, and which code is measured."""
    processor = platform.processor() or platform.machine()
    details = Path("/proc/cpuinfo")
    if details.exists():
        names = [line.partition(":")[2].strip() for line in details.read_text().splitlines() if "model name" in line]
        processor = names[0] if names else processor
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "processor": f"{processor}, {psutil.cpu_count()} cores",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
        "software": f"Python {platform.python_version()}, DuckDB {duckdb.__version__}",
        "load average before (1, 5, 15 minutes)": " / ".join(f"{load:.1f}" for load in os.getloadavg()),
        "code": (git_revision() or "no clone")[:7],
    }


def write_results(results: Sequence[SizeResult], folder: Path) -> Path:
    """Write RESULTS.md and its chart into the folder; returns the page."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CHART).write_text(chart(results), encoding="utf-8")
    page = folder / "RESULTS.md"
    page.write_text(_page(results), encoding="utf-8")
    return page


def growth_exponent(smaller: tuple[float, float], larger: tuple[float, float]) -> float:
    """By which power of the number of orders the seconds grow between two (orders, seconds); 1 is in proportion."""
    return math.log(larger[1] / smaller[1]) / math.log(larger[0] / smaller[0])


def _page(results: Sequence[SizeResult]) -> str:
    parts = [
        "# Benchmark results",
        INTRODUCTION,
        _table(
            ["orders", *results[0].machine],
            [[f"{result.orders:,}", *result.machine.values()] for result in results],
        ),
        f"![Seconds by number of orders]({CHART})",
        "## Seconds, memory, disk",
        _table(
            [
                "orders",
                "what",
                "seconds",
                "processor seconds",
                "ratio to baseline",
                "ratio to rebuild",
                "peak memory MB",
            ],
            [row for result in results for row in _rows(result)],
        ),
        "`peak memory` is that of the whole process tree. Disk after the first run: "
        + "; ".join(
            f"{result.orders:,} orders: extracts {result.extracts_bytes / 1e6:,.0f} MB, home "
            f"{result.home_bytes / 1e6:,.0f} MB"
            for result in results
        )
        + ".",
        "## Against the targets",
        ABOUT_TARGETS,
        _table(
            ["orders", "rebuild / baseline", "new day beyond fixed", "fixed seconds", "validation", "peak memory MB"],
            [_against_targets(result) for result in results],
        ),
        "## Where the time goes",
        ABOUT_PARTS,
        _table(
            ["orders", "what", *_part_names(results)],
            [
                [
                    f"{result.orders:,}",
                    name,
                    *(f"{seconds:.1f} ({seconds / sum(parts.values()):.0%})" for seconds in parts.values()),
                ]
                for result in results
                for name, parts in result.parts.items()
            ],
        ),
    ]
    parts += [
        "## The fixed start-up, itemised",
        ABOUT_FIXED,
        _table(["orders", "what", "seconds"], [row for result in results for row in _fixed_rows(result)]),
    ]
    spans = list(pairwise(results))
    if len(spans) > 1:
        spans.append((results[0], results[-1]))
    spans = [(a, b) for a, b in spans if _are_comparable(a, b)]
    if spans:
        parts += [
            "## Growth",
            ABOUT_GROWTH,
            _table(
                ["from", "to", *results[0].measured],
                [
                    [f"{a.orders:,}", f"{b.orders:,}", *(f"{_growth(a, b, name):.2f}" for name in a.measured)]
                    for a, b in spans
                ],
            ),
        ]
    return "\n\n".join(parts) + "\n"


def _are_comparable(one: SizeResult, other: SizeResult) -> bool:
    """Whether seconds may be set beside each other: a machine may be half as fast on another day."""
    return all(one.machine[fact] == other.machine[fact] for fact in ("date", "processor", "memory", "software", "code"))


def _fixed_rows(result: SizeResult) -> list[list[str]]:
    shown = {
        **result.fixed,
        "all": sum(result.fixed.values()),
        **{f"import of {name}, contained above": seconds for name, seconds in result.imports.items()},
    }
    return [[f"{result.orders:,}", what, f"{seconds:.1f}"] for what, seconds in shown.items()]


def _rows(result: SizeResult) -> list[list[str]]:
    baseline, rebuild = list(result.measured.values())[:2]
    return [
        [
            f"{result.orders:,}",
            name,
            f"{one.seconds:.1f}",
            "not kept" if one.cpu_seconds is None else f"{one.cpu_seconds:.1f}",
            f"{one.seconds / baseline.seconds:.2f}",
            f"{one.seconds / rebuild.seconds:.1%}",
            f"{one.memory_bytes / 1e6:,.0f}",
        ]
        for name, one in result.measured.items()
    ]


def _against_targets(result: SizeResult) -> list[str]:
    baseline, rebuild, new_day, nothing = result.measured.values()
    parts = next(iter(result.parts.values()))
    return [
        f"{result.orders:,}",
        f"{rebuild.seconds / baseline.seconds:.2f}",
        f"{max(new_day.seconds - nothing.seconds, 0) / rebuild.seconds:.1%}",
        f"{nothing.seconds:.1f}",
        f"{parts['validate'] / rebuild.seconds:.1%}",
        f"{max(one.memory_bytes for one in (rebuild, new_day, nothing)) / 1e6:,.0f}",
    ]


def _growth(smaller: SizeResult, larger: SizeResult, name: str) -> float:
    return growth_exponent(
        (smaller.orders, smaller.measured[name].seconds), (larger.orders, larger.measured[name].seconds)
    )


def _part_names(results: Sequence[SizeResult]) -> list[str]:
    return list(next(iter(results[0].parts.values())))


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, [":--" if name == "what" else "--:" for name in header], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def chart(results: Sequence[SizeResult]) -> str:
    """Seconds over orders, both by powers of ten, one line a measurement, as SVG."""
    names = list(results[0].measured)
    seconds = [one.seconds for result in results for one in result.measured.values()]
    across = _scale([result.orders for result in results], MARGIN, WIDTH - 170)
    upwards = _scale(seconds, HEIGHT - MARGIN, MARGIN / 2)
    shapes = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">',
        "<title>Seconds by number of orders</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for power in range(math.floor(math.log10(min(seconds))), math.ceil(math.log10(max(seconds))) + 1):
        y = upwards(10**power)
        shapes += [
            f'<line x1="{MARGIN}" x2="{WIDTH - 170}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e5e7eb"/>',
            f'<text x="{MARGIN - 8}" y="{y + 4:.1f}" text-anchor="end">{10**power:g} s</text>',
        ]
    for result in results:
        shapes.append(
            f'<text x="{across(result.orders):.1f}" y="{HEIGHT - 24}" text-anchor="middle">{result.orders:,}</text>'
        )
    for name, colour in zip(names, COLOURS, strict=True):
        points = [(across(result.orders), upwards(result.measured[name].seconds)) for result in results]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        shapes.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        shapes += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>' for x, y in points]
    label_x = across(results[-1].orders) + 12
    for name, y in _apart({name: upwards(results[-1].measured[name].seconds) for name in names}).items():
        colour = COLOURS[names.index(name)]
        shapes.append(f'<text x="{label_x:.1f}" y="{y + 4:.1f}" fill="{colour}">{name}</text>')
    shapes += [f'<text x="{MARGIN}" y="{HEIGHT - 6}">orders</text>', "</svg>"]
    return "\n".join(shapes) + "\n"


def _apart(places: dict[str, float]) -> dict[str, float]:
    """The same places, each a line of text below the one above it."""
    spread: dict[str, float] = {}
    for name, place in sorted(places.items(), key=lambda item: item[1]):
        spread[name] = max(place, max(spread.values(), default=0) + LABEL_HEIGHT)
    return spread


def _scale(values: Sequence[float], low: float, high: float):  # noqa: ANN202  (a function from value to place)
    """Powers of ten from `low` to `high`, wide enough for all values."""
    first, last = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    span = max(last - first, 1)
    return lambda value: low + (math.log10(value) - first) / span * (high - low)
