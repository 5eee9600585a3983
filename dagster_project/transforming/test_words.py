"""What a dbt data test says to somebody who does not read SQL.

Belongs here: one sentence for each kind of test. Does not belong here: running tests (`dbt_runner`).
"""

from collections.abc import Callable, Mapping
from typing import Any


def describe_test(test: Mapping[str, Any]) -> str:
    """What must hold, from a test of the parsed project: its description, its kind, or the comment that begins it."""
    if test["description"]:
        return test["description"]
    metadata = test.get("test_metadata")
    if not metadata:
        return _first_comment(test["raw_code"]) or test["name"]
    describe = WORDS.get(metadata["name"])
    return describe(metadata["kwargs"]) if describe else test["name"].replace("_", " ")


def _identities(facts: Mapping[str, Any]) -> str:
    rules = [f"{name.replace('_', ' ')} ({' '.join(sql.split())})" for name, sql in facts["identities"].items()]
    return f"In every row these hold: {'; '.join(rules)}."


# One sentence by kind of test, from the facts that the test was given.
WORDS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "unique_combination": lambda facts: (
        f"No two rows have the same {_listed(facts['columns'])}, and none of these is empty."
    ),
    "identities": _identities,
    "not_null": lambda facts: f"{facts['column_name']} is filled in every row.",
    "unique": lambda facts: f"No two rows have the same {facts['column_name']}.",
    "accepted_values": lambda facts: f"{facts['column_name']} is one of: {', '.join(map(str, facts['values']))}.",
}


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _first_comment(sql: str) -> str:
    lines = []
    for line in sql.strip().splitlines():
        if not line.startswith("--"):
            break
        lines.append(line.removeprefix("--").strip())
    return " ".join(lines)
