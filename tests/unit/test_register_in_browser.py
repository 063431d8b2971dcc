"""Every page of the register in a real headless Chromium: phone and desktop, light and dark."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.drawn_browser import CHROMIUM, Browser, browser
from tests.unit.drawn_register import AGREED, public_release, write_example_records, write_records

from cohort.transparency import public_register, site_folder

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine: see .ci/run")

PHONE, DESK = 360, 1200
LONG = "Onderwijsachterstandenbeleidsevaluatieonderzoek" * 3

CONTRAST = """
(() => {
  const rgb = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const paper = node => {
    for (; node; node = node.parentElement) {
      const colour = rgb(getComputedStyle(node).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
  while (walk.nextNode()) {
    const node = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || ['title', 'desc'].includes(node.localName)) continue;
    const style = getComputedStyle(node);
    const ink = rgb(node instanceof SVGElement ? style.fill : style.color);
    const [more, less] = [light(ink), light(paper(node))].sort((a, b) => b - a);
    found.push([(more + 0.05) / (less + 0.05), node.localName + ': ' + walk.currentNode.data.trim()]);
  }
  return found.sort((a, b) => a[0] - b[0])[0];
})()
"""
"""JavaScript: the least contrast of a text with its background (WCAG 2.2, 1.4.3), and the element."""

WIDER = """
[...document.querySelectorAll('body *')].filter(node => !node.closest('.skip, thead'))
  .filter(node => node.getBoundingClientRect().right > innerWidth + 0.5).map(node => node.localName)
"""
"""JavaScript: the elements that extend beyond the right edge of the window."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    records = write_example_records(tmp_path_factory.mktemp("records"))
    words = {name: f"{LONG} {AGREED[name]} {LONG}" for name in ("question", "controller", "legal_basis")}
    write_records(records, "lang", r1=public_release(project="lang", agreed={**AGREED, **words}))
    hostile = {**AGREED, "question": "<script>console.error('run')</script><img src=x>"}
    write_records(records, "vijandig", r1=public_release(project="vijandig", agreed=hostile))
    out = tmp_path_factory.mktemp("site") / "register"
    site_folder.replace_site(out, public_register.render_register(records))
    return out


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """The address of the site on a plain web server."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    thread = threading.Thread(target=served.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{served.server_port}"
    served.shutdown()
    served.server_close()
    thread.join()


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


def pages(folder: Path) -> list[str]:
    paths = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.html"))
    assert len(paths) == 2 * 8
    return paths


@pytest.mark.parametrize("opened", ["from the disk", "from a server"])
def test_the_console_is_empty_and_a_page_loads_nothing_else(
    chromium: Browser, folder: Path, address: str, opened: str
) -> None:
    for page in pages(folder):
        url = f"{folder.as_uri()}/{page}" if opened == "from the disk" else f"{address}/{page}"
        chromium.open(url, PHONE)
        assert chromium.console_messages() == [], page
        assert [url_loaded for url_loaded in chromium.requested_addresses() if not url_loaded.startswith("data:")] == [
            url
        ]
        assert chromium.evaluate("document.styleSheets.length") == 1
        assert chromium.evaluate("getComputedStyle(document.body).maxWidth") == "736px", "the style is refused"


def test_the_browser_reports_script_errors_and_missing_files(chromium: Browser, tmp_path: Path) -> None:
    """Proves that the test before this one can fail."""
    page = tmp_path / "wrong.html"
    page.write_text("<!DOCTYPE html><title>x</title><script>nobody()</script><img src='missing.png'>")
    chromium.open(page.as_uri(), PHONE)
    complaints = " ".join(chromium.console_messages())
    assert "nobody is not defined" in complaints
    assert "ERR_FILE_NOT_FOUND" in complaints


def test_nothing_is_wider_than_a_phone(chromium: Browser, folder: Path) -> None:
    for page in pages(folder):
        chromium.open(f"{folder.as_uri()}/{page}", PHONE)
        chromium.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        assert chromium.evaluate("innerWidth") == PHONE, page
        assert chromium.evaluate("document.documentElement.scrollWidth") == PHONE, page
        assert chromium.evaluate(WIDER) == [], page


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_every_text_has_enough_contrast(chromium: Browser, folder: Path, width: int, dark: bool) -> None:
    for page in pages(folder):
        chromium.open(f"{folder.as_uri()}/{page}", width, dark=dark)
        least, where = chromium.evaluate(CONTRAST)
        assert least >= 4.5, (page, where, least)
    under = chromium.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert (under == "rgb(255, 255, 255)") != dark


def test_the_first_tab_stop_is_the_skip_link_with_visible_focus(chromium: Browser, folder: Path) -> None:
    chromium.open(f"{folder.as_uri()}/project/leergroei.html", PHONE)
    for kind in ("keyDown", "keyUp"):
        chromium.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
    assert chromium.evaluate("document.activeElement.className") == "skip"
    assert chromium.evaluate("document.activeElement.getBoundingClientRect().top >= 0") is True
    assert chromium.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_tables_keep_their_roles_for_a_screen_reader_on_a_phone(chromium: Browser, folder: Path) -> None:
    chromium.open(f"{folder.as_uri()}/project/leergroei.html", PHONE)
    nodes = chromium.call("Accessibility.getFullAXTree")["nodes"]
    roles = [node["role"]["value"] for node in nodes if not node["ignored"]]
    assert roles.count("table") == chromium.evaluate("document.querySelectorAll('table').length") == 6
    assert roles.count("rowheader") > 10
    named = [node["name"]["value"] for node in nodes if node["role"]["value"] in ("image", "img")]
    assert named == ["Verloop en detail van leergroei"]
