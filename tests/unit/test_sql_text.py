"""No name ends its own quotes."""

from pathlib import Path

from dagster_project.sql_text import quote_name_for_spark


def test_a_backtick_in_a_path_stays_part_of_it_on_spark():
    assert quote_name_for_spark(Path("/lake/a`b")) == "`/lake/a``b`"
