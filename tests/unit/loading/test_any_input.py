"""Whatever is delivered and whatever the mapping says: no exception but the documented ones, and no row is lost."""

import csv
import io
import tempfile
from pathlib import Path

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagster_project.loading.contracts import load_feeds
from dagster_project.loading.formats import dialect_keys
from dagster_project.loading.mapping import SOURCE_ONLY_KEYS, TOP_KEYS, ExtractsConfig, MappingError, load_config
from tests.unit.loading.conftest import Home

HEADER = b"order_id,ordered_at,status,order_amount\n"
GOOD_ROW = b"good,2024-05-31,paid,5\n"
FEW = {"deadline": None, "derandomize": True, "suppress_health_check": [HealthCheck.too_slow]}
# Bytes that mean something to one of the readers, besides any others.
PIECES = st.sampled_from([
    b",", b'"', b"\n", b"\r", b"\r\n", b"\x00", b"\\", b";", b"[]", b"\xef\xbb\xbf", b"\xff\xfe", b"\xe9", b"NaN",
    b"PAR1", b"\xf0\x9f\x98\x80", b"1,2024-05-31,paid,5\n", b'"a ""b""",', b'{"order_id": 1}',
    b"\x1f\x8b", b"2024-05-31",
])  # fmt: skip
CONTENTS = st.lists(st.one_of(PIECES, st.binary(max_size=6)), max_size=12).map(b"".join)
SUFFIXES = st.sampled_from([".csv", ".csv", ".csv", ".tsv", ".ndjson", ".csv.gz", ".csv.zst", ".parquet", ".xlsx", ""])


def _home(folder: str) -> Home:
    home = Home(Path(folder))
    home.put("a.csv", HEADER + GOOD_ROW)
    return home


@settings(max_examples=25, **FEW)
@given(files=st.lists(st.tuples(CONTENTS, SUFFIXES, st.booleans()), min_size=1, max_size=8))
def test_any_bytes_are_loaded_or_refused_and_every_row_is_somewhere(files):
    with tempfile.TemporaryDirectory() as folder:
        home = _home(folder)
        for number, (content, suffix, has_header) in enumerate(files):
            home.put(f"b{number}{suffix}", HEADER + content if has_header else content)
        home.map("name: shop\nsources:\n  - {name: orders, feed: orders, files: '*'}\n")
        result = home.load()
        assert (result.files[0].status, result.files[0].rows_accepted) == ("loaded", 1)
        assert len(result.files) == len(files) + 1
        for file in result.files:
            assert file.rows_read == file.rows_accepted + file.rows_quarantined
            assert file.message
        loaded = [file for file in result.files if file.status == "loaded"]
        assert len(home.rows("orders", "order_id")) == sum(file.rows_accepted for file in loaded)
        refused_rows = home.quarantined("orders")
        assert len(refused_rows) == sum(file.rows_quarantined for file in loaded)
        assert all(reasons for _, reasons in refused_rows)


UNICODE = st.characters(exclude_categories=("Cs",))
CELLS = st.text(alphabet=UNICODE, max_size=8) | st.text(alphabet='a,"\n\r\\; ', max_size=8)


@settings(max_examples=25, **FEW)
@given(comments=st.lists(CELLS, min_size=1, max_size=25), line_end=st.sampled_from(["\n", "\r\n"]))
def test_any_text_in_a_well_written_file_arrives_as_it_was_written(comments, line_end):
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator=line_end)
    writer.writerows([["response_id", "comment"], *enumerate(comments, start=1)])
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        home.put("answers.csv", buffer.getvalue())
        home.map("name: shop\nsources:\n  - {name: answers, feed: survey_responses, files: '*'}\n")
        (file,) = home.load().files
        assert file.rows_read == len(comments)
        kept = [(number, text or None) for number, text in enumerate(comments, start=1) if "\x00" not in text]
        assert home.rows("survey_responses", "_source_row, comment") == kept
        assert set(file.reasons) <= {"unreadable_characters"}


LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.dates() | st.text(max_size=6)
    | st.sampled_from(["orders", "*.csv", "utf-8", "%d/%m/%Y", "iso", "Asia/Tehran", "EUR", "../x", "[", "{a: b"])
)  # fmt: skip
KEYS = st.sampled_from([*TOP_KEYS, *SOURCE_ONLY_KEYS, *dialect_keys(), "currency", "sql", "value", "as_of_date"])
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=4), inner, max_size=4)
)
FEED_NAMES = st.sampled_from([*load_feeds(), "order"])
SOURCES = st.fixed_dictionaries(
    {"name": st.text(max_size=5) | st.just("a"), "feed": FEED_NAMES, "files": st.text(max_size=5) | st.just("*.csv")},
    optional=dict.fromkeys((*SOURCE_ONLY_KEYS[3:], *dialect_keys(), "currency"), TREES),
)
DOCUMENTS = st.fixed_dictionaries(
    {"name": st.just("shop") | TREES, "sources": st.lists(SOURCES, max_size=2) | TREES},
    optional={"reporting": TREES, "defaults": TREES},
)
YAML_TEXT = st.text(alphabet="ab:-{}[]&*!|>'\"%@`#,? \n\t0é\x07\ufeff", max_size=40)


def _is_understood(text: str) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "extracts.yml"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            return isinstance(load_config(path), ExtractsConfig)
        except MappingError as error:
            return bool(str(error))


@settings(max_examples=150, **FEW)
@given(text=YAML_TEXT)
def test_any_text_as_mapping_is_read_or_explained(text):
    assert _is_understood(text)


@settings(max_examples=150, **FEW)
@given(document=DOCUMENTS)
def test_any_tree_as_mapping_is_read_or_explained(document):
    assert _is_understood(yaml.safe_dump(document, allow_unicode=True))
