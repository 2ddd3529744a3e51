"""The pages build without a warning, ask nothing of any other host, and say what the program says."""

from __future__ import annotations

import argparse
import html
import importlib
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from types import FunctionType

import pytest
from pages import ROOT

from cutlayer.experiments.cli.main import EXIT_STATUS, build_parser

pytest.importorskip("mkdocs")
pytest.importorskip("material")
pytest.importorskip("mkdocstrings_handlers.python")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    return folder


def words(page) -> str:
    """Return what a reader of a page sees, in one line."""
    text = re.sub(r"<(script|style|head)\b.*?</\1>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", text)).split())


def test_every_page_is_built(site):
    for page in (ROOT / "docs").rglob("*.md"):
        assert (site / page.relative_to(ROOT / "docs").with_suffix(".html")).is_file(), page


def test_every_page_can_be_reached_from_the_navigation(site):
    linked = set(re.findall(r'<a href="([^"#]+\.html)" class="md-nav__link', (site / "index.html").read_text()))
    linked |= set(re.findall(r'href="([^"#]+\.html)"', (site / "index.html").read_text()))
    for page in site.rglob("*.html"):
        if page.name != "404.html":
            assert page.relative_to(site).as_posix() in linked, page


def test_the_pages_load_nothing_from_elsewhere(site):
    """What a browser fetches by itself: sources, style sheets, fonts, icons, frames; links to follow are free."""
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        fetched = re.findall(r'<(?!a\b)\w+\b[^>]*?\b(?:src|href|srcset|data|poster|action)=["\']?([^"\'\s>]+)', text)
        assert len(fetched) >= 3
        for address in fetched:
            assert not re.match(r"(?:https?:)?//", address), f"{page.name} loads {address}"
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//", sheet.read_text(encoding="utf-8")), sheet


def test_the_pages_have_no_diagrams_which_the_theme_would_load_from_elsewhere(site):
    for page in site.rglob("*.html"):
        assert 'class="mermaid"' not in page.read_text(encoding="utf-8"), page


def parsers(parser: argparse.ArgumentParser):
    """Yield every parser of verbs, and of verbs of verbs."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for choice in action.choices.values():
                yield choice
                yield from parsers(choice)


def test_the_reference_names_every_verb_and_option_with_its_help_and_every_exit_status(site):
    page = words(site / "reference" / "command-line.html")
    for verb in parsers(build_parser()):
        assert f"{verb.prog}¶ {' '.join((verb.description or '').split())}" in page
        for action in verb._actions:
            for option in action.option_strings:
                assert option in page, f"{verb.prog} {option}"
            if isinstance(action.help, str) and action.help != argparse.SUPPRESS:
                assert " ".join(action.help.replace("%%", "%").split()) in page, f"{verb.prog}: {action.help}"
    statuses = re.findall(r"^ +(\d+) +(.*)$", EXIT_STATUS, flags=re.MULTILINE)
    assert len(statuses) == len(EXIT_STATUS.splitlines()) - 1
    for status, meaning in statuses:
        assert f"{status} {meaning}" in page


def test_the_reference_has_every_public_name_that_has_a_docstring(site):
    modules = [name for name in installed() if not {"cli", "bench", "__main__"} & set(name.split("."))]
    pages = {page.stem: words(page) for page in (site / "reference").glob("*.html")}
    for name in modules:
        module = importlib.import_module(name)
        source = inspect.getsource(module)
        page = next(pages[room] for room in rooms(name) if room in pages)
        for public, value in vars(module).items():
            of_here = isinstance(value, type | FunctionType) and value.__module__ == name
            written = f"class {public}" in source or f"def {public}(" in source  # and not made while it is imported
            if of_here and written and value.__doc__ and not public.startswith("_"):
                assert f" {public} " in page, f"{name}.{public}"


def rooms(name: str) -> list[str]:
    """Return the packages a module is in, the innermost first."""
    parts = name.split(".")
    return [".".join(parts[:n]) for n in range(len(parts) - 1, 0, -1)]


def installed():
    """Yield the names of all modules, as installed, but for packages themselves."""
    for folder in ("cutlayer", "simulator", "models", "profiles", "workloads", "experiments"):
        for path in (ROOT / folder).rglob("*.py"):
            if path.name != "__init__.py":
                parts = path.relative_to(ROOT).with_suffix("").parts
                yield ".".join(parts if folder == "cutlayer" else ("cutlayer", *parts))


CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")


@pytest.fixture
def browser(tmp_path):
    webdriver = pytest.importorskip("selenium.webdriver")
    if not (CHROMIUM and DRIVER):
        pytest.skip("there is no chromium with its driver (apt-get install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in ("headless", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "disable-background-networking"):
        options.add_argument(f"--{flag}")
    options.add_argument(f"--user-data-dir={tmp_path}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


def test_from_a_folder_search_finds_a_page_and_nothing_is_asked_of_the_network(site, browser):
    from selenium.webdriver.support.ui import WebDriverWait

    browser.set_window_size(1300, 900)
    for kind in ("browser", "performance"):
        browser.get_log(kind)  # what was logged before is of no page of ours
    browser.get((site / "tutorials" / "scheduler.html").as_uri())
    search = browser.find_element("css selector", ".md-search__input")
    WebDriverWait(browser, 30).until(lambda _: search.is_displayed())
    search.send_keys("deployed longest ago")
    found = WebDriverWait(browser, 30).until(
        lambda _: [
            link.get_attribute("href") for link in browser.find_elements("css selector", "a.md-search-result__link")
        ]
    )
    assert any(link.partition("?")[0].endswith("/reference/cutlayer.simulator.html") for link in found)
    asked = [
        json.loads(entry["message"])["message"]["params"]["request"]["url"]
        for entry in browser.get_log("performance")
        if '"Network.requestWillBeSent"' in entry["message"]
    ]
    schemes = {url.partition(":")[0] for url in asked}
    assert "file" in schemes
    assert schemes <= {"file", "data", "about", "blob", "chrome"}, asked  # a browser that starts has pages of its own
    assert [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
