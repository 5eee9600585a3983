"""Tokens: the same in Python and in the engine, and not to be guessed without the salt."""

import stat

import duckdb
import pytest

from dagster_project.erasing.tokens import read_salt, salt_path, token_of, token_sql
from dagster_project.settings import Settings


@pytest.mark.parametrize("text", ["C1", "", "O'Brien", "\u0639\u0645\u064a\u0644", "a" * 200, "tab\tnew\nline"])
@pytest.mark.parametrize("kind", ["", "order:"])
def test_python_and_the_engine_agree(text: str, kind: str) -> None:
    salt = bytes(range(32))
    query = f"SELECT {token_sql(salt, 'given', kind)} FROM (SELECT ? AS given)"
    assert duckdb.connect().execute(query, [text]).fetchone() == (token_of(salt, text, kind),)


def test_the_salt_is_made_once_and_is_the_owners_alone(settings: Settings) -> None:
    salt = read_salt(settings)
    assert read_salt(settings) == salt
    assert len(salt) == 32
    assert stat.S_IMODE(salt_path(settings).stat().st_mode) == 0o600


def test_another_salt_or_kind_gives_another_token() -> None:
    tokens = {token_of(salt, "C1", kind) for salt in (b"a" * 32, b"b" * 32) for kind in ("", "order:", "ticket:")}
    assert len(tokens) == 6


def test_a_damaged_salt_is_not_replaced_in_silence(settings: Settings) -> None:
    read_salt(settings)
    salt_path(settings).write_bytes(b"short")
    with pytest.raises(ValueError, match="damaged"):
        read_salt(settings)
