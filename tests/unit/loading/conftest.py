"""A warehouse home in a temporary folder, and short ways to load into it and to look at what came of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pytest

from dagster_project.loading.loader import LoadResult, load_extracts
from dagster_project.loading.mapping import load_config
from dagster_project.loading.replay import replay_quarantine
from dagster_project.settings import Settings


@dataclass
class Home:
    """A home with its extracts folder and mapping. `said` keeps what the loader reported."""

    root: Path
    said: list[str] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        return Settings(
            warehouse_home=self.root / "home",
            extracts_dir=self.root / "extracts",
            extracts_config=self.root / "extracts.yml",
        )

    def put(self, name: str, content: bytes | str) -> Path:
        """Deliver an extract file."""
        path = self.root / "extracts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def map(self, text: str) -> None:
        """Write the mapping file."""
        (self.root / "extracts.yml").write_text(text, encoding="utf-8")

    def load(self) -> LoadResult:
        return load_extracts(self.settings, load_config(self.settings.extracts_config), self.said.append)

    def replay(self) -> LoadResult:
        return replay_quarantine(self.settings, load_config(self.settings.extracts_config), self.said.append)

    def rows(self, feed: str, columns: str = "*") -> list[tuple]:
        """Accepted rows in order of load and file."""
        pattern = self.settings.raw_dir / feed / "*.parquet"
        return self.query(f"SELECT {columns} FROM read_parquet('{pattern}') ORDER BY _batch_id, _source_row")

    def quarantined(self, feed: str) -> list[tuple[int, list[str]]]:
        """Row number and reasons of the rows in quarantine."""
        folder = self.settings.quarantine_dir / feed
        if not list(folder.glob("*.parquet")):
            return []
        return self.query(
            f"SELECT _source_row, reasons FROM read_parquet('{folder}/*.parquet') ORDER BY _batch_id, _source_row"
        )

    def outcome(self, feed: str, column: str) -> object:
        """What a column of the first accepted row holds; where none is accepted, why the first one was refused."""
        accepted = self.rows(feed, column)
        return accepted[0][0] if accepted else self.quarantined(feed)[0][1]

    @staticmethod
    def query(sql: str) -> list[tuple]:
        """Rows of a query over files."""
        with duckdb.connect() as connection:
            return connection.execute(sql).fetchall()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path)
    (tmp_path / "extracts").mkdir()
    return made


@pytest.fixture
def load_orders(home: Home) -> Callable[..., LoadResult]:
    """Load one file of orders whose columns have the contract's names; `options` are lines of the source entry."""

    def load(content: bytes | str, options: str = "", name: str = "orders.csv") -> LoadResult:
        home.put(name, content)
        home.map(f"name: shop\nsources:\n  - name: orders\n    feed: orders\n    files: '{name}'\n{options}")
        return home.load()

    return load
