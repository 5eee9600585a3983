"""What was measured for one size, and keeping it, so that sizes which take hours can be measured one by one.

Belongs here: the record of a size and its file. Does not belong here: measuring (`run.py`), the page (`report.py`).
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.measuring import Measurement

FOLDER = "measured"


@dataclass
class SizeResult:
    """What was measured for one size, in order. `parts`: seconds of start-up, load and so on, by measurement.

    `machine` describes what it ran on, and when. `fixed` and `imports` itemise the refresh of nothing.
    """

    orders: int
    extracts_bytes: int
    machine: dict[str, str]
    home_bytes: int = 0
    measured: dict[str, Measurement] = field(default_factory=dict)
    parts: dict[str, dict[str, float]] = field(default_factory=dict)
    fixed: dict[str, float] = field(default_factory=dict)
    imports: dict[str, float] = field(default_factory=dict)


def keep_result(result: SizeResult, folder: Path) -> None:
    """Write the result of a size under the folder; what was known of the same size is replaced."""
    path = folder / FOLDER / f"{result.orders}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(result), indent=1) + "\n", encoding="utf-8")


def kept_results(folder: Path) -> list[SizeResult]:
    """All results kept under the folder, by size."""
    texts = [path.read_text(encoding="utf-8") for path in (folder / FOLDER).glob("*.json")]
    return sorted((_result(json.loads(text)) for text in texts), key=lambda result: result.orders)


def _result(stored: Mapping[str, Any]) -> SizeResult:
    measured = {name: Measurement(**one) for name, one in stored["measured"].items()}
    return SizeResult(**{**stored, "measured": measured})
