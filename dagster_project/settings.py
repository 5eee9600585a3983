"""Where things are: the only reader of the environment.

Belongs here: environment variables, their defaults, and the paths derived from them. Does not belong here: what is in
the files (`loading.mapping` reads `extracts.yml`) or anything that changes the disk.
"""

import datetime as dt
import getpass
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import available_timezones

PROJECT_ROOT = Path(__file__).resolve().parent.parent
DBT_PROJECT_DIR = PROJECT_ROOT / "dbt"
DBT_TARGETS = ("duckdb", "spark")
DEFAULT_MEMORY_LIMIT = "80%"
DEFAULT_SPARK_MASTER = "local[*]"
PATTERN_LETTERS = "*?[]{}"
# Every variable that is read. A command that must not do what its caller has set up (publish, restate) goes without.
VARIABLES = (
    "ALERT_EMAIL_FROM",
    "ALERT_EMAIL_TO",
    "ALERT_SMTP_URL",
    "ALERT_WEBHOOK_URL",
    "DBT_TARGET",
    "ERASE_CUSTOMER_ID",
    "EXTRACTS_CONFIG",
    "EXTRACTS_DIR",
    "MARTS_FRESH_HOURS",
    "MEMORY_LIMIT",
    "OPERATOR",
    "PUBLISH_POSTGRES_URL",
    "REFRESH_SCHEDULE",
    "REFRESH_TIME_ZONE",
    "RELEASES_TO_KEEP",
    "RESTATE_FROM",
    "SPARK_MASTER",
    "WAREHOUSE_HOME",
)


class SettingsError(Exception):
    """An environment variable has a value that cannot work; the message names it and what to do."""


@dataclass(frozen=True)
class Settings:
    """The environment of one run. All paths are absolute; none has to exist yet."""

    warehouse_home: Path
    extracts_dir: Path
    extracts_config: Path
    dbt_target: str = "duckdb"
    # Where Spark computes: this machine, or the address of a cluster.
    spark_master: str = DEFAULT_SPARK_MASTER
    memory_limit: str = DEFAULT_MEMORY_LIMIT
    releases_to_keep: int = 5
    refresh_time_zone: str = "UTC"
    refresh_schedule: str = "0 4 * * *"
    # The day from which on figures are worked out anew, although nothing new was delivered.
    restate_from: dt.date | None = None
    # Somebody's id: kept out of every printed form of the settings.
    erase_customer_id: str | None = field(default=None, repr=False)
    # Who is named in audit lines.
    operator: str = "unknown"
    # Holds a password.
    publish_postgres_url: str | None = field(default=None, repr=False)
    # How old the newest release may be before it is called stale.
    marts_fresh_hours: int = 26
    # Where alerts go. Both addresses may hold a password or a token, so they are never printed.
    alert_webhook_url: str | None = field(default=None, repr=False)
    alert_smtp_url: str | None = field(default=None, repr=False)
    alert_email_from: str | None = None
    alert_email_to: str | None = None

    @property
    def lake_dir(self) -> Path:
        """The raw lake: immutable Parquet batches and what was refused."""
        return self.warehouse_home / "lake"

    @property
    def raw_dir(self) -> Path:
        """Accepted rows, one folder a feed."""
        return self.lake_dir / "raw"

    @property
    def quarantine_dir(self) -> Path:
        """Refused rows, one folder a feed."""
        return self.lake_dir / "quarantine"

    @property
    def ledger_dir(self) -> Path:
        """One entry for every extract file ever seen, one folder a feed."""
        return self.lake_dir / "ledger"

    @property
    def warehouse_path(self) -> Path:
        """The DuckDB file that dbt builds in. BI tools never open it: they read a release."""
        return self.warehouse_home / "warehouse.duckdb"

    @property
    def spark_dir(self) -> Path:
        """What Spark builds in instead: tables as Parquet and the catalogue that names them."""
        return self.warehouse_home / "spark"

    @property
    def spark_is_local(self) -> bool:
        """Whether Spark computes in this process and not on a cluster."""
        return self.spark_master.startswith("local")

    @property
    def dbt_dir(self) -> Path:
        """dbt's own scratch: parsed project, compiled SQL and logs, one folder a dataset."""
        return self.warehouse_home / "dbt"

    @property
    def engine_config(self) -> dict[str, str]:
        """How DuckDB is opened for work on many rows: what does not fit in the memory allowed goes to the home."""
        return {"memory_limit": self.memory_limit, "temp_directory": str(self.warehouse_home / "tmp")}

    @property
    def published_dir(self) -> Path:
        """Releases, and `current`, which names the one that readers see."""
        return self.warehouse_home / "published"

    @property
    def reports_dir(self) -> Path:
        """What data stewards read: `index.html`, Data Docs."""
        return self.warehouse_home / "reports"

    @property
    def quality_dir(self) -> Path:
        """Results of every check of every run, kept as Parquet; the source of `marts.data_quality`."""
        return self.warehouse_home / "quality"

    @property
    def dagster_home(self) -> Path:
        """Dagster's own run storage."""
        return self.warehouse_home / "dagster"

    @property
    def writer_lock_path(self) -> Path:
        """The lock that makes one run at a time the writer of this home."""
        return self.warehouse_home / "writer.lock"


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from the environment (or from a given mapping, in tests).

    Raises SettingsError for a value that cannot work.
    """
    environment = os.environ if environment is None else environment
    return Settings(
        warehouse_home=_warehouse_home(environment),
        extracts_dir=_path(environment, "EXTRACTS_DIR", PROJECT_ROOT / "sample" / "extracts"),
        extracts_config=_path(environment, "EXTRACTS_CONFIG", PROJECT_ROOT / "sample" / "extracts.yml"),
        dbt_target=_one_of(environment, "DBT_TARGET", DBT_TARGETS, Settings.dbt_target),
        spark_master=environment.get("SPARK_MASTER") or Settings.spark_master,
        memory_limit=_memory_limit(environment),
        releases_to_keep=_whole_number(environment, "RELEASES_TO_KEEP", "", Settings.releases_to_keep),
        refresh_time_zone=_refresh_time_zone(environment),
        refresh_schedule=_refresh_schedule(environment),
        restate_from=_restate_from(environment),
        erase_customer_id=environment.get("ERASE_CUSTOMER_ID") or None,
        operator=environment.get("OPERATOR") or _account_name(),
        publish_postgres_url=environment.get("PUBLISH_POSTGRES_URL") or None,
        marts_fresh_hours=_whole_number(environment, "MARTS_FRESH_HOURS", " of hours", Settings.marts_fresh_hours),
        **_alert_channels(environment),
    )


def environment_without_settings() -> dict[str, str]:
    """The environment of this process without any setting of a run: what starts with it works by the defaults."""
    return {name: value for name, value in os.environ.items() if name not in VARIABLES}


def _warehouse_home(environment: Mapping[str, str]) -> Path:
    home = _path(environment, "WAREHOUSE_HOME", PROJECT_ROOT / "var")
    if set(PATTERN_LETTERS) & set(str(home)):
        raise SettingsError(
            f"WAREHOUSE_HOME is '{home}'; its path must be without {' '.join(PATTERN_LETTERS)}, which the "
            "engines read as patterns of names."
        )
    # What may not be looked into is told by the run, with the right that is missing.
    with suppress(PermissionError):
        for place in (home, *home.parents):
            if place.is_file():
                raise SettingsError(
                    f"WAREHOUSE_HOME is '{home}', but {place} is a file. Name a folder, or another one."
                )
    return home


def _one_of(environment: Mapping[str, str], name: str, known: tuple[str, ...], default: str) -> str:
    value = environment.get(name) or default
    if value not in known:
        raise SettingsError(f"{name} is '{value}'; it must be one of: {', '.join(known)}.")
    return value


def _memory_limit(environment: Mapping[str, str]) -> str:
    value = environment.get("MEMORY_LIMIT") or Settings.memory_limit
    if not re.fullmatch(r"[1-9][0-9]*(MB|GB)|[1-9][0-9]?%", value):
        raise SettingsError(
            f"MEMORY_LIMIT is '{value}'; it must be a whole number of MB or GB, or a share of the machine's "
            "memory, such as 4GB or 80%."
        )
    return value


def _whole_number(environment: Mapping[str, str], name: str, unit: str, default: int) -> int:
    value = environment.get(name) or str(default)
    if not re.fullmatch(r"0*[1-9][0-9]{0,4}", value):
        raise SettingsError(f"{name} is '{value}'; it must be a whole number{unit} from 1 to 99,999.")
    return int(value)


def _refresh_time_zone(environment: Mapping[str, str]) -> str:
    value = environment.get("REFRESH_TIME_ZONE") or Settings.refresh_time_zone
    if value not in available_timezones():
        raise SettingsError(f"REFRESH_TIME_ZONE is '{value}'; it must be a name of the IANA list, such as Asia/Dubai.")
    return value


def _refresh_schedule(environment: Mapping[str, str]) -> str:
    """The schedule, in the right form; whether its numbers are possible Dagster says (`defs.jobs`)."""
    value = environment.get("REFRESH_SCHEDULE") or Settings.refresh_schedule
    if len(value.split()) != 5:
        raise SettingsError(schedule_problem(value))
    return value


def schedule_problem(schedule: str) -> str:
    """What is said of a schedule that cannot work."""
    return (
        f"REFRESH_SCHEDULE is '{schedule}'; it must be a cron line: minute, hour, day, month, weekday, such as "
        f"{Settings.refresh_schedule}."
    )


def _restate_from(environment: Mapping[str, str]) -> dt.date | None:
    value = environment.get("RESTATE_FROM")
    try:
        return dt.date.fromisoformat(value) if value else None
    except ValueError as error:
        raise SettingsError(f"RESTATE_FROM is '{value}'; it must be a date such as 2026-01-31.") from error


def _alert_channels(environment: Mapping[str, str]) -> dict[str, str | None]:
    """The settings of alerts. Messages never show an address: it may hold a token or a password."""
    webhook, smtp = environment.get("ALERT_WEBHOOK_URL"), environment.get("ALERT_SMTP_URL")
    sender, receiver = environment.get("ALERT_EMAIL_FROM"), environment.get("ALERT_EMAIL_TO")
    if webhook and not _is_address(webhook, ("http", "https")):
        raise SettingsError(
            "ALERT_WEBHOOK_URL is no address; it must begin with https:// (or http://) and name a host."
        )
    if smtp and not _is_address(smtp, ("smtp", "smtps")):
        raise SettingsError(
            "ALERT_SMTP_URL is no address; write smtps://user:password@host:465 or smtp://host:25, with special "
            "characters of the password percent-encoded."
        )
    if any((smtp, sender, receiver)) and not all((smtp, sender, receiver)):
        raise SettingsError("Alerts by e-mail need all of ALERT_SMTP_URL, ALERT_EMAIL_FROM and ALERT_EMAIL_TO.")
    return {
        "alert_webhook_url": webhook or None,
        "alert_smtp_url": smtp or None,
        "alert_email_from": sender or None,
        "alert_email_to": receiver or None,
    }


def _is_address(text: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(text)
        # Reading the port tells whether it is a number.
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0 and text.isprintable()
    except ValueError:
        return False


def _account_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # An account without a name, as in some containers.
        return f"uid {os.getuid()}"


def _path(environment: Mapping[str, str], name: str, default: Path) -> Path:
    value = environment.get(name)
    return Path(value).expanduser().resolve() if value else default
