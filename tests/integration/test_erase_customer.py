"""The job erase_customer: a person goes from every file, the figures stay, and later deliveries bring nobody back."""

import json
import stat
from collections import Counter

import dagster as dg
import duckdb
import pytest

from dagster_project.definitions import defs
from dagster_project.erasing import erasure
from dagster_project.job_runner import prepare_dagster_home
from dagster_project.publishing.releases import list_releases
from tests.integration.workplace import ORDER_COLUMNS, Workplace, order_rows, write_rows
from tests.searching import files_naming

MORE_SOURCES = """\
  - {name: tickets, feed: crm_tickets, files: "crm_tickets/*.csv"}
  - {name: answers, feed: survey_responses, files: "survey_responses/*.csv"}
"""
SURVIVOR, MERGED = "IdMarkerSurvivor", "IdMarkerMerged"
IDS = (SURVIVOR, MERGED)
PERSONAL = ("mark.mail@example.com", "+971 50 7654321", "Marker Fullname", "1904-02-29", "MarkerComment")
PERSONAL_OF_A_REFUSED_ROW = ("refused.mail@example.com", "MarkerRefusedName")
CUSTOMER_COLUMNS = ["customer_id", "created_at", "updated_at", "canonical_customer_id", "email", "phone", "full_name"]
CUSTOMER_COLUMNS += ["birth_date", "country"]
TICKET_COLUMNS = ["ticket_id", "customer_id", "opened_at", "closed_at", "status"]
ANSWER_COLUMNS = [
    "response_id",
    "survey_id",
    "customer_id",
    "order_id",
    "ticket_id",
    "metric",
    "touchpoint",
    "scale_id",
]
ANSWER_COLUMNS += ["score", "sent_at", "answered_at", "comment"]
DAY = "2025-03-04 10:00:00"


def customer_rows(updated_at: str = DAY) -> list[list[object]]:
    mail, phone, name, born, _ = PERSONAL
    return [
        [SURVIVOR, "2024-12-01 00:00:00", updated_at, "", mail, phone, name, born, "AE"],
        [f" {MERGED} ", "2024-12-02 00:00:00", updated_at, SURVIVOR, mail, phone, name, born, "AE"],
    ]


def marked_orders(first: int) -> list[list[object]]:
    rows = order_rows(first, 6)
    for position, row in enumerate(rows):
        row[0], row[1] = f"marked-{row[0]}", IDS[position % 2]
    return rows


def answer_rows(first: int) -> list[list[object]]:
    """Answers that name the person, only their order, or only their ticket."""
    order = marked_orders(0)[0][0]
    answered = ["csat", "post_purchase", "5", 5, DAY, DAY, f"it was {PERSONAL[-1]}"]
    return [
        [f"a{first}", "s", SURVIVOR, "", "", *answered],
        [f"a{first + 1}", "s", "", order, "", *answered],
        [f"a{first + 2}", "s", "", "", "t1", *answered],
        [f"a{first + 3}", "s", "c1", "", "", *answered[:-1], "comment of somebody else"],
    ]


def write_marked_extracts(workplace: Workplace) -> None:
    """The good extracts, and one person with markers in every personal column, in accepted and refused rows."""
    workplace.mapping.write_text(workplace.mapping.read_text() + MORE_SOURCES)
    mail, name = PERSONAL_OF_A_REFUSED_ROW
    refused = [[SURVIVOR, "not a date", "", "", mail, "", name, "", ""], ["c1", "not a date", *[""] * 7]]
    without_id = ["", DAY, "", "", PERSONAL[0], "", name, "", ""]
    customers = [*customer_rows(), *refused, without_id, *([f"x{n}", DAY, *[""] * 7] for n in range(40))]
    write_rows(workplace.extracts / "crm_customers" / "marked.csv", CUSTOMER_COLUMNS, customers)
    ragged = workplace.extracts / "crm_customers" / "marked.csv"
    ragged.write_text(ragged.read_text() + f"{MERGED},2024-12-02,one,two,three,four,{name},five,six,seven,eight\n")
    write_rows(workplace.extracts / "orders" / "marked.csv", ORDER_COLUMNS, marked_orders(0))
    tickets = [["t1", SURVIVOR, DAY, DAY, "closed"], ["t2", "c1", DAY, DAY, "closed"]]
    write_rows(workplace.extracts / "crm_tickets" / "first.csv", TICKET_COLUMNS, tickets)
    write_rows(workplace.extracts / "survey_responses" / "first.csv", ANSWER_COLUMNS, answer_rows(0))


def places_of(workplace: Workplace, markers: tuple[str, ...]) -> set[str]:
    """The folders (first two parts of the path) in which any of these markers is found."""
    home = workplace.settings.warehouse_home
    return {"/".join(path.relative_to(home).parts[:2]) for path in files_naming(home, markers)}


def figures(workplace: Workplace) -> dict[str, list[tuple]]:
    """Every mart without the ids of customers and without what is about the runs themselves."""
    result = {}
    for mart in sorted(set(workplace.release()["marts"]) - {"data_quality"}):
        columns = [row[0] for row in workplace.query(f"describe {mart}")]
        kept = ", ".join(f'"{name}"' for name in columns if name != "customer_id")
        result[mart] = Counter(workplace.query(f"select {kept} from {mart}"))
    return result


def counts(workplace: Workplace) -> dict[str, dict]:
    return workplace.release()["feeds"]


@pytest.fixture
def marked(finished: Workplace) -> Workplace:
    """A finished workplace that knows the person."""
    write_marked_extracts(finished)
    assert finished.run("run", "daily_refresh") == 0
    return finished


def erase(workplace: Workplace, customer_id: str = MERGED) -> int:
    workplace.patch.setenv("ERASE_CUSTOMER_ID", customer_id)
    try:
        return workplace.run("run", "erase_customer")
    finally:
        workplace.patch.delenv("ERASE_CUSTOMER_ID")


def erase_in_dagster(workplace: Workplace, customer_id: str) -> bool:
    """As from Dagster's page, where the id is part of the run's configuration, which Dagster keeps."""
    for name, value in workplace.environment.items():
        workplace.patch.setenv(name, value)
    prepare_dagster_home(workplace.settings)
    job = defs().resolve_job_def("erase_customer")
    config = {"resources": {"session": {"config": {"erase_customer_id": customer_id}}}}
    with dg.DagsterInstance.get() as instance:
        return job.execute_in_process(instance=instance, run_config=config, raise_on_error=False).success


def test_a_person_goes_from_every_file_and_stays_away_while_the_figures_stay(marked: Workplace, capsys) -> None:
    assert places_of(marked, PERSONAL + PERSONAL_OF_A_REFUSED_ROW) == {"lake/raw", "lake/quarantine"}
    assert places_of(marked, IDS) == {
        "lake/raw",
        "lake/quarantine",
        "warehouse.duckdb",
        "published/releases",
        # Examples of refused rows show keys, as samples of failing rows do.
        "reports/index.html",
    }
    before, counts_before, release_before = figures(marked), counts(marked), marked.release()["release_id"]
    capsys.readouterr()

    # Started in Dagster, broken off with the lake rewritten and the old warehouse still there; started again.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(erasure, "mark_build_begun", killed)
        assert not erase_in_dagster(marked, MERGED)
    assert "dagster/history" in places_of(marked, IDS)
    assert marked.release()["release_id"] == release_before
    assert erase(marked) == 0
    output = "".join(capsys.readouterr())
    assert not any(marker in output for marker in IDS + PERSONAL)
    everything = IDS + PERSONAL + PERSONAL_OF_A_REFUSED_ROW
    assert places_of(marked, everything) == set()
    assert figures(marked) == before
    assert counts(marked) == counts_before
    kept = [release.release_id for release in list_releases(marked.settings)]
    assert marked.release()["release_id"] in kept
    assert release_before not in kept
    assert len(kept) == 2, "the release from before the person came does not name them, so it stays"
    assert "comment of somebody else" in str(raw_rows(marked, "survey_responses"))
    assert_audited(marked)

    # The same files: nothing is loaded again. The same rows in new files: counted as before, but nobody comes back.
    write_rows(marked.extracts / "crm_customers" / "again.csv", CUSTOMER_COLUMNS, customer_rows("2025-04-01 00:00:00"))
    write_rows(marked.extracts / "orders" / "again.csv", ORDER_COLUMNS, marked_orders(0)[::-1])
    write_rows(marked.extracts / "survey_responses" / "again.csv", ANSWER_COLUMNS, answer_rows(0)[::-1])
    refused = marked.extracts / "crm_customers" / "refused.csv"
    row = [SURVIVOR, "not a date", "", "", PERSONAL_OF_A_REFUSED_ROW[0], "", "", "", ""]
    write_rows(refused, CUSTOMER_COLUMNS, [row])
    assert marked.run("run", "daily_refresh") == 0
    assert places_of(marked, everything) == set()
    assert figures(marked) == before
    assert counts(marked)["orders"]["rows_accepted"] == counts_before["orders"]["rows_accepted"] + 6
    assert marked.run("run", "replay_quarantine") == 0


def killed(*_arguments: object) -> None:
    raise RuntimeError("killed")


def raw_rows(workplace: Workplace, feed: str) -> list[tuple]:
    return duckdb.connect().execute(f"select * from '{workplace.settings.raw_dir / feed}/shop__*.parquet'").fetchall()


def assert_audited(workplace: Workplace) -> None:
    lines = [json.loads(line) for line in erasure.audit_path(workplace.settings).read_text().splitlines()]
    assert [line["rows_by_feed"] for line in lines] == [
        {"crm_customers": 2, "crm_tickets": 1, "orders": 6, "survey_responses": 3}
    ]
    assert lines[0]["refused_records_by_feed"] == {"crm_customers": 3}
    assert lines[0]["releases_deleted"] == 1
    lake = workplace.settings.lake_dir
    for path in (erasure.audit_path(workplace.settings), lake / "erasure_salt", lake / "erasure_list.json"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not list((lake / "erasures_pending").iterdir())


def test_somebody_unknown_is_told_so_without_the_id(finished: Workplace, capsys) -> None:
    before = finished.release()
    assert erase(finished, "NobodyKnows") == 1
    output = "".join(capsys.readouterr())
    assert "No row in the lake" in output
    assert "NobodyKnows" not in output
    assert "Traceback" not in output
    assert finished.release() == before
    assert finished.run("run", "erase_customer") == 2
    assert "CUSTOMER=<customer_id>" in capsys.readouterr().err
