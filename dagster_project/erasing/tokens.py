"""Tokens: what stands in place of an id that was erased.

Belongs here: the salt, and turning a text into a token, in Python and in the engine. Does not belong here: which ids
are erased (`erasure_list`).

A token is an HMAC-SHA256 under a salt that never leaves the lake, so the same id always gives the same token, and
nobody without the salt can find out whether an id they know was erased.
"""

import hmac
import os
import secrets
from pathlib import Path

from dagster_project.loading.durable import publish_file
from dagster_project.settings import Settings

TOKEN_PREFIX = "erased-"  # noqa: S105  (marks a value as a token; not a secret)
TOKEN_DIGITS = 32
SALT_BYTES = 32
BLOCK_BYTES = 64  # of SHA-256, on which HMAC is built


def salt_path(settings: Settings) -> Path:
    """Where the salt of this home is."""
    return settings.lake_dir / "erasure_salt"


def read_salt(settings: Settings) -> bytes:
    """The salt of this home, made on first use. Raises ValueError for a file that is no salt."""
    path = salt_path(settings)
    if not path.exists():
        publish_file(path, lambda temporary: _write_private(temporary, secrets.token_bytes(SALT_BYTES)))
    salt = path.read_bytes()
    if len(salt) != SALT_BYTES:
        raise ValueError(f"{path} is damaged: {len(salt)} bytes instead of {SALT_BYTES}. Restore it from a backup.")
    return salt


def token_of(salt: bytes, text: str, kind: str = "") -> str:
    """The token of a text. `kind` keeps, for example, an order and a customer with the same id apart."""
    return TOKEN_PREFIX + hmac.digest(salt, (kind + text).encode(), "sha256").hex()[:TOKEN_DIGITS]


def token_sql(salt: bytes, text_sql: str, kind: str = "") -> str:
    """The same as `token_of`, as SQL over a text expression: millions of ids are hashed inside the engine."""
    key = salt.ljust(BLOCK_BYTES, b"\0")
    inner = bytes(byte ^ 0x36 for byte in key).hex()
    outer = bytes(byte ^ 0x5C for byte in key).hex()
    message = f"unhex('{inner}') || encode('{kind}' || {text_sql})"
    digest = f"sha256(unhex('{outer}') || unhex(sha256({message})))"
    return f"('{TOKEN_PREFIX}' || left({digest}, {TOKEN_DIGITS}))"


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
