"""Logs of what people did: a line is there whole or not at all."""

import stat
from pathlib import Path

import pytest

from dagster_project.loading import durable
from dagster_project.loading.durable import append_line, publish_file


def test_lines_are_added_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    log = tmp_path / "folder" / "log.jsonl"
    append_line(log, {"who": "anna"})
    append_line(log, {"who": "\u0639\u0645\u064a\u0644"})
    assert log.read_text(encoding="utf-8").splitlines() == ['{"who": "anna"}', '{"who": "\u0639\u0645\u064a\u0644"}']
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_a_disk_that_is_full_in_the_middle_of_a_line_leaves_the_log_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log.jsonl"
    append_line(log, {"who": "anna"})

    def half_written(path: Path, text: str) -> None:
        path.write_text(text[:20])
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(durable, "write_text", half_written)
    with pytest.raises(OSError, match="No space left"):
        append_line(log, {"who": "bert"})
    assert [path.read_text() for path in tmp_path.iterdir()] == ['{"who": "anna"}\n']


def test_nobody_who_looks_for_files_of_a_kind_finds_half_a_one(tmp_path: Path) -> None:
    begun = []

    def write(temporary: Path) -> None:
        begun.append(temporary)
        assert not temporary.exists(), "what a kill has left is in the way of the engine"
        temporary.write_text("{")
        assert list(tmp_path.glob("*.json")) == []

    publish_file(tmp_path / "note.json", write)
    (tmp_path / "note.json").unlink()
    begun[0].write_text("half a li")
    publish_file(tmp_path / "note.json", write)
    assert [path.name for path in tmp_path.iterdir()] == ["note.json"]
