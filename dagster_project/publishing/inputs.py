"""What a release is made from, so that the same figures are not built twice.

Belongs here: naming the data and the definitions that went into a build. Does not belong here: building or publishing
it.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

from dagster_project.loading.reporting_variables import settle_variables

DEFINITION_FOLDERS = ("models", "macros", "seeds", "tests")


class LoadedBatch(Protocol):
    """The part of a ledger entry that decides what the models read."""

    status: str
    batch_id: str
    load_sequence: int
    loaded_at: str


@dataclass(frozen=True)
class BuildInputs:
    """Two builds with equal inputs give equal marts. `load_sequence` is that of the newest batch.

    `variables` are those of the models (docs/metrics.md), the defaults among them.
    """

    dataset: str
    data_version: str
    definition_version: str
    load_sequence: int = 0
    variables: dict[str, object] = field(default_factory=dict)

    def has_data_of(self, other: "BuildInputs | None") -> bool:
        """Whether both read the same batches of the same dataset, whatever the definitions."""
        return other is not None and (self.dataset, self.data_version) == (other.dataset, other.data_version)

    def as_json(self) -> dict[str, object]:
        """The inputs as they stand in `release.json`."""
        return asdict(self)


def describe_inputs(
    dataset: str, variables: dict[str, object], ledger: Iterable[LoadedBatch], dbt_project_dir: Path
) -> BuildInputs:
    """The inputs of a build that would start now. Reads the definition files, not the data.

    `variables` are those that the mapping sets; one that is set to its default changes nothing.
    """
    variables = settle_variables(variables)
    loaded = [entry for entry in ledger if entry.status == "loaded"]
    return BuildInputs(
        dataset=dataset,
        data_version=version_of_batches(loaded),
        definition_version=_short_hash(
            hash_definitions(dbt_project_dir) + json.dumps(variables, sort_keys=True, default=str)
        ),
        load_sequence=max((entry.load_sequence for entry in loaded), default=0),
        variables=variables,
    )


def version_of_batches(batches: Iterable[LoadedBatch]) -> str:
    """A hash that two sets of batches share only if they are the same batches.

    A file that is loaded a second time, into a lake put back from a copy say, may be read with another mapping.
    """
    return _short_hash(json.dumps(sorted((batch.batch_id, batch.loaded_at) for batch in batches)))


def hash_definitions(dbt_project_dir: Path) -> str:
    """A hash over what decides figures (models, macros, seeds, the project file) and whether they pass."""
    files = [dbt_project_dir / "dbt_project.yml"]
    for folder in [*(dbt_project_dir / name for name in DEFINITION_FOLDERS), dbt_project_dir.parent / "expectations"]:
        files += sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    total = hashlib.sha256()
    for path in files:
        total.update(str(path.relative_to(dbt_project_dir.parent)).encode() + b"\0")
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
