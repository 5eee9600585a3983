"""The command `python -m dagster_project quarantine ...`.

Belongs here: its arguments and what it prints. Does not belong here: the work.
"""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import duckdb

from dagster_project.loading.ledger import read_ledger
from dagster_project.loading.mapping import ExtractsConfig, load_config
from dagster_project.quarantine.actions import in_words, read_actions
from dagster_project.quarantine.correcting import correct_rows
from dagster_project.quarantine.discarding import discard_rows
from dagster_project.quarantine.exporting import export_rows
from dagster_project.quarantine.listing import (
    QuarantineError,
    Selection,
    masked_record,
    refused_groups,
    refused_rows,
    source_of,
)
from dagster_project.run_lock import hold_writer_lock
from dagster_project.settings import Settings
from dagster_project.storage_errors import lasting_problem

ROWS_SHOWN = 20
ACTIONS_SHOWN = 20


def add_quarantine_command(commands: argparse._SubParsersAction) -> None:
    """Add the command and its own sub-commands."""
    quarantine = commands.add_parser("quarantine", help="look at refused rows, export, correct and discard them")
    actions = quarantine.add_subparsers(required=True, metavar="action")
    selecting = argparse.ArgumentParser(add_help=False)
    selecting.add_argument("--feed", help="only rows of this feed")
    selecting.add_argument("--file", help="only rows of this extract file, as `list` names it")
    selecting.add_argument("--reason", help="only rows with this reason, or with one of this kind")

    listing = actions.add_parser("list", parents=[selecting], help="refused rows by feed, file and reason")
    listing.set_defaults(command=_list)
    show = actions.add_parser("show", parents=[selecting], help="refused rows one by one, personal data masked")
    show.add_argument("--rows", type=_count, default=ROWS_SHOWN, help=f"how many at most; {ROWS_SHOWN} unless told")
    show.set_defaults(command=_show)
    export = actions.add_parser("export", parents=[selecting], help="write refused rows to a CSV file")
    export.add_argument("target", type=Path, metavar="CSV", help="the file to write")
    export.add_argument("--with-personal-data", action="store_true", help="do not mask; the log says who asked for it")
    export.set_defaults(command=_export)
    correct = actions.add_parser("correct", help="take over an exported file in which cells were corrected")
    correct.add_argument("corrected", type=Path, metavar="CSV", help="the exported file, corrected")
    correct.set_defaults(command=_correct)
    discard = actions.add_parser("discard", parents=[selecting], help="give refused rows up; they are never loaded")
    discard.set_defaults(command=_discard)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no number of rows; write 1 or more")
    return int(text)


def _list(settings: Settings, parsed: argparse.Namespace) -> int:
    config, selection = _chosen(settings, parsed)
    with _no_writer_interfering():
        groups = refused_groups(settings, config.name, config.sources, selection)
    previous = None
    for group in groups:
        if (group.feed, group.source_file) != previous:
            print(f"\n{group.feed}, {group.source_file}")
            previous = (group.feed, group.source_file)
        print(f"  {group.row_count:>9,}  {group.reason}  (row {', '.join(map(str, group.first_rows))} ...)")
        print(f"             {group.explanation}")
    if not groups:
        print(_nothing_found(selection))
    actions = read_actions(settings, config.name)[-ACTIONS_SHOWN:]
    if actions:
        print("\nDone so far (UTC):")
    for action in actions:
        print(f"  {action.at}  {action.by}  {action.action}, {action.rows:,} rows: {action.details}")
    return 0


def _show(settings: Settings, parsed: argparse.Namespace) -> int:
    config, selection = _chosen(settings, parsed)
    with _no_writer_interfering():
        rows = list(islice(refused_rows(settings, config.name, selection), parsed.rows))
    if not rows:
        print(_nothing_found(selection))
    for row in rows:
        print(f"\n{row.feed}, {row.source_file}, row {row.source_row}: {', '.join(row.reasons)}")
        print(f"  {row.explanation}")
        for name, value in masked_record(row.record, source_of(config.sources, row.feed, row.source_name)).items():
            # As Python spells it: what is written into a terminal must not steer it.
            print(f"    {ascii(name)[1:-1]}: {ascii(value)[1:-1] if not value.isprintable() else value}")
    return 0


def _export(settings: Settings, parsed: argparse.Namespace) -> int:
    config, selection = _chosen(settings, parsed)
    with hold_writer_lock(settings, "quarantine", "quarantine export"):
        rows = export_rows(settings, config, parsed.target, selection, with_personal_data=parsed.with_personal_data)
    print(f"{rows:,} rows written to {parsed.target}. Correct cells, leave the first columns, then: quarantine correct")
    return 0


def _correct(settings: Settings, parsed: argparse.Namespace) -> int:
    config = load_config(settings.extracts_config)
    with hold_writer_lock(settings, "quarantine", "quarantine correct"):
        corrections = correct_rows(settings, config, parsed.corrected)
    print(f"{corrections.rows:,} rows corrected.")
    for name, count in corrections.cells.items():
        print(f"  {count:>9,}  {name}")
    print("They are in no figure yet: make run JOB=replay_quarantine" if corrections.rows else "No cell was changed.")
    return 0


def _discard(settings: Settings, parsed: argparse.Namespace) -> int:
    config, selection = _chosen(settings, parsed)
    if selection == Selection():
        print("Say which rows: --feed, --file or --reason. Nothing was discarded.")
        return 2
    with hold_writer_lock(settings, "quarantine", "quarantine discard"):
        rows = discard_rows(settings, config, selection)
    print(f"{rows:,} rows discarded. The ledger keeps who did it and when.")
    return 0


def _chosen(settings: Settings, parsed: argparse.Namespace) -> tuple[ExtractsConfig, Selection]:
    """The mapping, and which rows. Raises QuarantineError for a file that was never loaded."""
    config = load_config(settings.extracts_config)
    if parsed.file is not None and all(
        entry.source_file != parsed.file for entry in read_ledger(settings, config.name)
    ):
        raise QuarantineError(
            f"No file '{parsed.file}' was ever loaded. `quarantine list` names the files that have refused rows."
        )
    return config, Selection(parsed.feed, parsed.file, parsed.reason)


def _nothing_found(selection: Selection) -> str:
    everything = selection == Selection()
    return "No row is in quarantine." if everything else f"No row is in quarantine for {in_words(selection)}."


@contextmanager
def _no_writer_interfering() -> Iterator[None]:
    """Looking takes no lock, so a run may take away a file that is about to be read: told instead of a traceback."""
    try:
        yield
    except duckdb.IOException as error:
        if lasting_problem(error) is not None:
            raise
        raise QuarantineError("A run has changed the quarantine just now. Look again in a moment.") from error
