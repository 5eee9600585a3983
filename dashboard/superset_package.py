"""The ready Superset dashboard as one file to import: `python -m dashboard.superset_package`.

Belongs here: packing the files of `dashboard/superset`, which Superset itself exported, with the address of a database.
Does not belong here: what is on the dashboard (those files), asking Superset anything.
"""

import argparse
import sys
import zipfile
from pathlib import Path

import yaml

from dagster_project.settings import SettingsError, load_settings

FILES = Path(__file__).parent / "superset"
DATABASE = Path("databases") / "marts.yaml"
PACKAGE_NAME = "superset_dashboard.zip"


def pack(address: str, package: Path) -> None:
    """Write the package; `address` is the SQLAlchemy address under which Superset finds the marts."""
    package.parent.mkdir(parents=True, exist_ok=True)
    package.unlink(missing_ok=True)
    # The address may hold a password.
    package.touch(mode=0o600)
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(FILES.rglob("*.yaml")):
            name = path.relative_to(FILES)
            text = path.read_text(encoding="utf-8")
            if name == DATABASE:
                text = _with_address(text, address)
            archive.writestr(str(Path(package.stem) / name), text)


def _with_address(text: str, address: str) -> str:
    database = yaml.safe_load(text) | {"sqlalchemy_uri": address}
    if not address.startswith("duckdb:"):
        # Read-only is a way of opening a DuckDB file; on a server it is the right of the role.
        del database["extra"]["engine_params"]
    return yaml.safe_dump(database, sort_keys=False)


def main() -> int:
    """The command line; returns the exit code."""
    try:
        settings = load_settings()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    parser = argparse.ArgumentParser(
        prog="python -m dashboard.superset_package", description="The ready Superset dashboard as one file to import"
    )
    parser.add_argument(
        "--database",
        default=f"duckdb:///{settings.published_dir / 'current' / 'marts.duckdb'}",
        help="SQLAlchemy address of the marts, as Superset reaches them (default: marts.duckdb of this home)",
    )
    package = settings.warehouse_home / PACKAGE_NAME
    pack(parser.parse_args().database, package)
    print(f"Written: {package}\nImport it in Superset: docs/bi.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
