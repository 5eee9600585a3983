"""The command line: `python -m dagster_project <command>`; the Makefile calls it.

Belongs here: commands, exit codes, and how mistakes are told. Does not belong here: the work.

Exit codes: 0 green, 1 the job failed, 2 something in the settings, the mapping or the command has to be mended first.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress

from dagster_project.alerting.failed_runs import alert_failed_run
from dagster_project.clock import utc_now
from dagster_project.erasing.erasure import NO_CUSTOMER_NAMED
from dagster_project.loading.mapping import MappingError, load_config
from dagster_project.loading.refusals import LoadError
from dagster_project.publishing.releases import Release, ReleaseError, current_release, roll_back
from dagster_project.quarantine.command import add_quarantine_command
from dagster_project.quarantine.listing import QuarantineError
from dagster_project.run_lock import WriterLockError, hold_writer_lock
from dagster_project.settings import PROJECT_ROOT, Settings, SettingsError, load_settings
from dagster_project.storage_errors import lasting_problem
from dagster_project.transforming.dbt_runner import DbtError, DbtProject, ensure_manifest


class InputError(Exception):
    """What the user gave cannot be used; the message says what and how to mend it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    # What is written here may be about customers, so nobody but its owner reads it by default.
    os.umask(0o077)
    parsed = _parser().parse_args(arguments)
    try:
        return parsed.command(load_settings(), parsed)
    except (InputError, MappingError, QuarantineError, SettingsError) as error:
        _tell(str(error))
        return 2
    except (DbtError, LoadError, ReleaseError, WriterLockError) as error:
        _tell(str(error))
        return 1
    except Exception as error:
        problem = lasting_problem(error)
        if problem is None:
            raise
        _tell(f"{problem}\nMake room, or give this user the right; then start again.")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dagster_project", description="Customer retention platform")
    commands = parser.add_subparsers(required=True, metavar="command")
    run = commands.add_parser("run", help="run a job, for example daily_refresh")
    run.add_argument("job", help="its name; README.md lists them")
    run.set_defaults(command=_run)
    commands.add_parser("dev", help="open Dagster's page in a browser").set_defaults(command=_dev)
    rollback = commands.add_parser("rollback", help="let readers see an earlier release")
    rollback.add_argument("release", nargs="?", help="its id; without one, the release before the current one")
    rollback.set_defaults(command=_rollback)
    freshness = commands.add_parser("check-freshness", help="tell, and send an alert, if data are stale; then exit 1")
    freshness.set_defaults(command=_check_freshness)
    add_quarantine_command(commands)
    commands.add_parser("parse", help="check that the dbt project parses").set_defaults(command=_parse)
    return parser


def _run(settings: Settings, parsed: argparse.Namespace) -> int:
    try:
        _check_inputs(settings)
    except (InputError, MappingError) as error:
        alert_failed_run(settings, parsed.job, [str(error)], None, _tell)
        raise
    if parsed.job == "erase_customer" and settings.erase_customer_id is None:
        raise InputError(NO_CUSTOMER_NAMED)
    from dagster_project.job_runner import UnknownJobError, run_job

    try:
        outcome = run_job(settings, parsed.job, lambda line: print(line, flush=True))
    except UnknownJobError as error:
        raise InputError(str(error)) from error
    for warning in outcome.warnings:
        print(f"\nWarning. {warning}")
    _alert_if_stale(settings)
    release = current_release(settings)
    if outcome.problems:
        problems = "\n\n".join(outcome.problems)
        _tell(f"\n{parsed.job} FAILED\n\n{problems}\n")
        served = _what_is_served(release, outcome.run_id)
        _tell(f"{served}\nReport for data stewards: {settings.reports_dir / 'index.html'}\nRun: {outcome.run_id}")
        return 1
    print(f"\n{parsed.job} is green")
    if release:
        print(f"  Marts    {settings.published_dir / 'current'}  (release {release.release_id})")
    print(f"  Reports  {settings.reports_dir / 'index.html'}")
    if release:
        print("  Look     make dashboard")
    return 0


def _what_is_served(release: Release | None, run_id: str) -> str:
    if release is None:
        return "Nothing is published yet."
    if release.details["run_id"] == run_id:
        return f"The files of this run's release, {release.release_id}, are served."
    return f"The release before, {release.release_id}, is still served."


def _check_inputs(settings: Settings) -> None:
    if not settings.extracts_dir.is_dir():
        raise InputError(
            f"The folder of extracts does not exist: {settings.extracts_dir}. "
            "Name yours: make run EXTRACTS=<folder> CONFIG=<file>."
        )
    load_config(settings.extracts_config)
    if settings.publish_postgres_url:
        from dagster_project.publishing.postgres import PostgresError, parameters_of

        try:
            parameters_of(settings.publish_postgres_url)
        except PostgresError as error:
            # Told before hours of work, not after.
            raise InputError(str(error)) from error


def _dev(settings: Settings, _parsed: argparse.Namespace) -> int:
    import dagster as dg

    from dagster_project.job_runner import close_killed_runs, prepare_dagster_home

    _check_inputs(settings)
    prepare_dagster_home(settings)
    os.chdir(PROJECT_ROOT)
    # The webserver and the daemon migrate the same history at the same moment when it is new; one of them would fail.
    print("Dagster will answer on http://127.0.0.1:3000 in half a minute; Ctrl-C ends it.", flush=True)
    dagster = [sys.executable, "-m", "dagster"]
    subprocess.run([*dagster, "instance", "migrate"], check=True)  # noqa: S603
    # A run that goes on keeps its place in the queue; one that was killed would hold it for ever.
    with suppress(WriterLockError), hold_writer_lock(settings, "dev", "dev"), dg.DagsterInstance.get() as instance:
        close_killed_runs(instance)
    server = subprocess.run([*dagster, "dev", "--module-name", "dagster_project.definitions"], check=False)  # noqa: S603
    return server.returncode


def _check_freshness(settings: Settings, _parsed: argparse.Namespace) -> int:
    findings = _alert_if_stale(settings)
    for finding in findings:
        _tell(f"Stale data. {finding}")
    if not findings:
        print("Nothing is stale.")
    return 1 if findings else 0


def _alert_if_stale(settings: Settings) -> list[str]:
    from dagster_project.alerting.stale_data import alert_stale_data, find_stale_data

    config = load_config(settings.extracts_config)
    findings = find_stale_data(settings, config, utc_now())
    if findings:
        alert_stale_data(settings, config.name, findings, _tell)
    return findings


def _rollback(settings: Settings, parsed: argparse.Namespace) -> int:
    with hold_writer_lock(settings, "rollback", "rollback") as lock:
        release = roll_back(settings, parsed.release)
        print(f"Readers now see release {release.release_id}: {settings.published_dir / 'current'}", flush=True)
        if settings.publish_postgres_url:
            from dagster_project.publishing.postgres import write_release

            for warning in write_release(settings.publish_postgres_url, release, lock.confirm):
                _tell(warning)
            print("So do readers of PostgreSQL.")
    return 0


def _parse(settings: Settings, _parsed: argparse.Namespace) -> int:
    config = load_config(settings.extracts_config)
    manifest = ensure_manifest(DbtProject(settings, config.name, config.variables))
    print(f"The dbt project parses: {manifest}")
    return 0


def _tell(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _end_without_noise() -> None:
    """What comes from here on is DuckDB's binding listing leaks of its own, which no user can do anything about."""
    sys.stderr.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


if __name__ == "__main__":
    exit_code = main()
    _end_without_noise()
    sys.exit(exit_code)
