"""Reading a YAML file so that every complaint can name its line.

Belongs here: the YAML node tree, lines, typed access, the list of problems. Does not belong here: what the keys mean
(`mapping`).
"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import yaml


class MappingError(Exception):
    """The mapping file cannot be used.

    The text lists every problem, one a line, as file:line: what is wrong and what to do.
    """


@dataclass
class Document:
    """A YAML file under examination: `problems` grows while it is read."""

    path: Path
    problems: list[tuple[int, str]] = field(default_factory=list)

    def complain(self, node: yaml.Node | None, message: str) -> None:
        """Note a problem at the line of a node (line 1 for the file as a whole)."""
        line = node.start_mark.line + 1 if node is not None else 1
        self.problems.append((line, message))

    def raise_problems(self) -> None:
        """Raise MappingError with every problem, in the order of the lines, if there is any."""
        if self.problems:
            problems = sorted(self.problems, key=lambda problem: problem[0])
            raise MappingError("\n".join(f"{self.path.name}:{line}: {message}" for line, message in problems))

    def entries(self, node: yaml.Node | None, what: str) -> dict[str, yaml.Node]:
        """The entries of a mapping node by key; a problem where it is something else or a key stands twice."""
        if node is None or is_null(node):
            return {}
        if not isinstance(node, yaml.MappingNode):
            self.complain(node, f"{what} must be a list of `key: value` lines.")
            return {}
        entries: dict[str, yaml.Node] = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else str(key_node.value)
            if key in entries:
                self.complain(key_node, f"{what} has '{key}' twice. Keep one.")
            entries[key] = value_node
        return entries

    def items(self, node: yaml.Node | None, what: str) -> list[yaml.Node]:
        """The items of a list node; a problem where it is something else."""
        if node is None or is_null(node):
            return []
        if not isinstance(node, yaml.SequenceNode):
            self.complain(node, f"{what} must be a list: one `- ...` line an item.")
            return []
        return list(node.value)

    def text(self, node: yaml.Node | None, what: str, default: str | None = None) -> str | None:
        """The text of a scalar as it is written, whatever YAML would make of it; `default` where there is none."""
        if node is None or is_null(node):
            return default
        if not isinstance(node, yaml.ScalarNode):
            self.complain(node, f"{what} must be a single value, not a list.")
            return default
        return node.value

    def texts(self, node: yaml.Node | None, what: str) -> tuple[str, ...]:
        """The texts of a list, or of a single value written without a list."""
        if isinstance(node, yaml.ScalarNode):
            return () if is_null(node) else (node.value,)
        return tuple(text for item in self.items(node, what) if (text := self.text(item, what)) is not None)

    def check_keys(
        self, node: yaml.Node | None, entries: dict[str, yaml.Node], known: Iterable[str], what: str
    ) -> None:
        """Note every key that is not known, with the nearest one that is."""
        known = list(known)
        for key, value in entries.items():
            if key not in known:
                self.complain(
                    value if value is not None else node, f"{what}: '{key}' is not known. {suggestion(key, known)}"
                )


def is_null(node: yaml.Node) -> bool:
    """Whether a node is an empty value or `null`."""
    return node.tag == "tag:yaml.org,2002:null"


def plain_value(node: yaml.Node) -> object:
    """A node as plain Python: text, numbers, booleans, dates, lists, dictionaries.

    Raises ValueError for what is none of these: a day that no calendar has, a tag of another program.
    """
    constructor = yaml.SafeLoader("")
    try:
        return constructor.construct_document(node)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None
    finally:
        constructor.dispose()


def suggestion(word: str, known: Iterable[str]) -> str:
    """`Did you mean ...?` where something is near, otherwise all that is possible."""
    known = list(known)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"Did you mean '{near[0]}'?" if near else f"Possible: {', '.join(known)}."


def read_document(path: Path) -> tuple[Document, yaml.Node | None]:
    """The file and the root of its tree.

    Raises MappingError where it is missing, not UTF-8 or not YAML.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise MappingError(
            f"{path}: the mapping file does not exist. Set EXTRACTS_CONFIG (or CONFIG=) to yours."
        ) from None
    except UnicodeDecodeError:
        raise MappingError(f"{path}: the mapping file is not UTF-8 text. Save it as UTF-8.") from None
    except OSError as error:
        raise MappingError(f"{path}: the mapping file cannot be read ({error.strerror}).") from None
    try:
        return Document(path), yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None) or "it cannot be parsed"
        message = f"this is not valid YAML: {problem}. Check indentation and quotes here."
        raise MappingError(f"{path.name}:{line}: {message}") from None
