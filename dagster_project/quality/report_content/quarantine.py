"""Refused rows by reason with examples, and the commands by which a steward gets them right.

Belongs here: what a steward needs to mend what was refused. Does not belong here: the commands' work
(`dagster_project.quarantine`), masking (the examples come masked).
"""

import shlex
from collections import defaultdict
from typing import Any

from dagster_project.loading.contracts import load_feeds
from dagster_project.loading.mapping import ExtractsConfig
from dagster_project.quarantine.listing import RefusedGroup, refused_groups
from dagster_project.settings import Settings, load_settings

COMMANDS = {
    "refresh": ("run",),
    "replay": ("run", "JOB=replay_quarantine"),
    "export": ("quarantine", 'DO="export refused.csv"'),
    "correct": ("quarantine", 'DO="correct refused.csv"'),
    "discard": ("quarantine", 'DO="discard --file ..."'),
}
EXAMPLES_SHOWN = 2


def commands(settings: Settings) -> dict[str, str]:
    """The lines that a steward may need, for this home and these extracts, ready to be copied."""
    defaults = load_settings({})
    places = {
        "EXTRACTS": (settings.extracts_dir, defaults.extracts_dir),
        "CONFIG": (settings.extracts_config, defaults.extracts_config),
        "WAREHOUSE_HOME": (settings.warehouse_home, defaults.warehouse_home),
    }
    given = [f"{name}={shlex.quote(str(path))}" for name, (path, default) in places.items() if path != default]
    return {name: " ".join(["make", *words, *given]) for name, words in COMMANDS.items()}


def refused_by_reason(settings: Settings, config: ExtractsConfig) -> list[dict[str, Any]]:
    """Refused rows by feed and reason, most frequent first; a row with two reasons counts under both."""
    by_reason: dict[tuple[str, str], list[RefusedGroup]] = defaultdict(list)
    for group in refused_groups(settings, config.name, config.sources):
        by_reason[(group.feed, group.reason)].append(group)
    rows = []
    for (feed, reason), groups in by_reason.items():
        # File names usually carry the day, so the last is the newest.
        newest = max(groups, key=lambda group: group.source_file)
        rows.append(
            {
                "feed": feed,
                "reason": reason,
                "explanation": newest.explanation,
                "row_count": sum(group.row_count for group in groups),
                "files": sorted({group.source_file for group in groups}),
                "newest_file": newest.source_file,
                "examples": [
                    {"row": row, "values": _offending_first(record, reason, newest, config)}
                    for row, record in zip(newest.first_rows, newest.examples, strict=False)
                ][:EXAMPLES_SHOWN],
            }
        )
    order = list(load_feeds())
    return sorted(rows, key=lambda row: (order.index(row["feed"]), -row["row_count"], row["reason"]))


def _offending_first(
    record: dict[str, str], reason: str, group: RefusedGroup, config: ExtractsConfig
) -> list[tuple[str, str, bool]]:
    """The columns of a refused record as (name, value, whether the reason is about it), those it is about first."""
    column = reason.partition(":")[2]
    names = {column.lower()}
    for source in config.sources:
        if source.feed == group.feed and source.columns and column in source.columns:
            names.add(source.columns[column].text.lower())
    values = [(name, value, name.lower() in names) for name, value in record.items()]
    return sorted(values, key=lambda value: not value[2])
