"""Opens a page in a real browser, and asks it what it shows."""

from __future__ import annotations

import html.parser
import json
import pathlib
import shutil
import subprocess
from dataclasses import dataclass
from typing import Any

from trainshed_trainer.reporting import markup, page

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
MISSING = "no Chromium here: `make test-trainer` installs it, as root on Debian"
_OPTIONS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync"
    " --disable-background-networking --disable-component-update --log-level=3"
    " --virtual-time-budget=999 --window-size=500,900 --dump-dom"
)
# What the page itself allows, and this question about it.
_ASKING = f"{page.POLICY}; script-src 'unsafe-inline'"
_QUESTION = """<script>
const refused = [];
document.addEventListener('securitypolicyviolation', e => refused.push(e.violatedDirective));
window.addEventListener('load', () => {
  const found = {
    refused,
    images: [...document.images].map(each => each.naturalWidth),
    drawings: [...document.querySelectorAll('svg')].map(each => each.clientHeight),
    fetched: performance.getEntriesByType('resource').map(each => each.name)
      .filter(each => !each.startsWith('data:')),
    overflow: document.documentElement.scrollWidth - window.innerWidth,
    words: document.body.innerText,
  };
  document.body.dataset.found = JSON.stringify(found);
});
</script>"""


class Outline(html.parser.HTMLParser):
    """What a page has: elements with attributes, and its open elements at the end."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in markup.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@dataclass(frozen=True, slots=True)
class Opened:
    """What a browser makes of a page: its elements, and what it answered of them."""

    outline: Outline
    title: str
    answer: dict[str, Any]


def opened(text: str, folder: pathlib.Path) -> Opened:
    """Open a page, in a window as narrow as a browser has, and without a network."""
    assert page.POLICY in html.unescape(text)
    file = folder / "opened.html"
    escaped = html.escape(page.POLICY)
    asking = text.replace(escaped, html.escape(_ASKING), 1)
    file.write_text(asking.replace("</title>", f"</title>{_QUESTION}", 1), encoding="utf-8")
    argv = [str(BROWSER), *_OPTIONS.split(), f"--user-data-dir={folder / 'profile'}"]
    done = subprocess.run(
        [*argv, file.as_uri()], capture_output=True, text=True, check=True, timeout=120
    )
    outline = Outline(done.stdout.replace(_QUESTION, ""))
    (body,) = outline.all("body")
    title = done.stdout.partition("<title>")[2].partition("</title>")[0]
    return Opened(outline, title, json.loads(body["data-found"] or "{}"))
