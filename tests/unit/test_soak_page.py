"""The page of the soak: parts can be run one by one, and each writes its own section only."""

from pathlib import Path

from tests.soak.run import RESULTS, write_section


def test_a_part_replaces_its_own_section_and_leaves_the_others(tmp_path: Path) -> None:
    page = tmp_path / "RESULTS.md"
    write_section(page, "readers", "## Readers (first time)\n\nall well\n")
    write_section(page, "storage", "## Disks\n")
    write_section(page, "readers", "## Readers (second time)\n\nall well\n")
    introduction, storage, readers = page.read_text(encoding="utf-8").split("<!-- ")
    assert introduction.startswith("# What was done to it")
    assert storage == "storage -->\n## Disks\n\n"
    assert readers == "readers -->\n## Readers (second time)\n\nall well\n"


def test_writing_a_section_of_the_page_again_changes_nothing(tmp_path: Path) -> None:
    before = RESULTS.read_text(encoding="utf-8")
    page = tmp_path / "RESULTS.md"
    page.write_text(before, encoding="utf-8")
    section = before.split("<!-- readers -->\n")[1].split("<!-- ")[0]
    write_section(page, "readers", section)
    assert page.read_text(encoding="utf-8") == before
