"""Reading pages of the stewards' report as a browser would: their words, links and what they would load."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlparse


class Page(HTMLParser):
    """A page that was parsed: its words, elements, links and ids."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.elements: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.handlers: list[str] = []
        self._texts: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        for name, value in attrs:
            if name in ("href", "src", "xlink:href", "action", "poster", "data", "srcset"):
                self.links.append(value or "")
            if name == "id":
                self.ids.add(value or "")
            if name.startswith("on") or name == "style":
                self.handlers.append(f"{name}={value}")

    def handle_data(self, data: str) -> None:
        self._texts.append(data)

    @property
    def words(self) -> str:
        """All text, white space made one blank."""
        return " ".join(" ".join(self._texts).split())


def read_pages(folder: Path) -> list[Page]:
    """Every page below a folder."""
    return [Page(path) for path in sorted(folder.rglob("*.html"))]


def links_outside(page: Page) -> list[str]:
    """Links that leave the disk."""
    return [link for link in page.links if urlparse(link).scheme or link.startswith("//")]


def broken_links(page: Page) -> list[str]:
    """Links to a file that is not there, or to a place in the same page that is not there."""
    broken = []
    for link in page.links:
        path, _, anchor = unquote(link).partition("#")
        if path and not (page.path.parent / path).is_file():
            broken.append(link)
        if not path and anchor and anchor not in page.ids:
            broken.append(link)
    return broken
