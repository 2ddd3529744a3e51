"""A real browser, and what tests of a page ask it."""

from __future__ import annotations

import shutil

import pytest

try:
    import selenium
except ImportError:
    selenium = None

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
NEEDS_A_BROWSER = pytest.mark.skipif(
    not (selenium and CHROMIUM and DRIVER),
    reason="there is no selenium (pip install 'cutlayer[test]'), or no chromium with its driver "
    "(apt-get install chromium chromium-driver)",
)
FLAGS = (
    "headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking",
    "disable-component-update", "disable-sync", "disable-dev-shm-usage", "disable-extensions", "disable-default-apps",
)  # fmt: skip


def a_browser(folder):
    """Yield a browser that keeps its own things in `folder`."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in FLAGS:
        options.add_argument(f"--{flag}")
    options.add_argument(f"--user-data-dir={folder}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


def opened(browser, page, width=1280):
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    for kind in ("browser", "performance"):
        browser.get_log(kind)  # what was logged before is not of this page
    browser.get(page.as_uri())
    assert browser.execute_script("return document.documentElement.dataset.ready") == "true"
    return browser


def find(within, selector):
    from selenium.webdriver.common.by import By

    return within.find_element(By.CSS_SELECTOR, selector)


def find_all(within, selector):
    from selenium.webdriver.common.by import By

    return within.find_elements(By.CSS_SELECTOR, selector)


def cells(browser, selector, what="cell.dataset.value ?? cell.textContent"):
    """Return the cells of a table's body as lists of text."""
    lines = "[...document.querySelectorAll(arguments[0] + ' tbody tr')]"
    script = f"return {lines}.map(line => [...line.cells].map(cell => {what}))"
    return browser.execute_script(script, selector)


def wait(browser, holds):
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, 20, poll_frequency=0.05).until(lambda _: holds())


def choice(within, selector):
    """Return the list to choose from that stands in `selector`."""
    from selenium.webdriver.support.ui import Select

    return Select(find(within, f"{selector} select"))
