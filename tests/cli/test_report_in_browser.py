"""The report in a real browser: what it shows is what the results hold, and it can be zoomed, sorted and searched."""

from __future__ import annotations

import base64
import json

import pytest
from browsing import NEEDS_A_BROWSER, a_browser, cells, choice, find, find_all, opened, wait
from user_files import INPUTS, SERVERS, SMALL, TASKS, WIDE, Files, rows

from cutlayer.experiments.cli.main import main
from cutlayer.experiments.report.page import report
from cutlayer.simulator.results.file import Results, column_names

pytestmark = NEEDS_A_BROWSER
HOSTILE = "</script><img src=x onerror=alert(1)>{{style}}<!--"
MANY = 100_000


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    yield from a_browser(tmp_path_factory.mktemp("browser"))


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """Three runs with frames, one of them of another scenario, a hostile task and claims beside them."""
    made = Files(tmp_path_factory.mktemp("report"))
    made.path("profiles").mkdir()
    for name, content in (
        ("servers.csv", SERVERS),
        ("tasks.csv", TASKS.replace("t4", HOSTILE)),
        ("inputs.csv", INPUTS),
        ("profiles/small.json", SMALL),
        ("profiles/wide.json", WIDE),
    ):
        made.write(name, content)
    frames = ("--frames", "poisson", "--until", "60", "--window", "5", "--by-resource", "--usable-share", "0.9")
    assert main(made.argv("--cut-rule", "fixed(1)", *frames)) == 0
    assert main(made.argv(*frames, scheduler="lbf")) == 0
    assert main(made.argv("--frames", "periodic", "--until", "30", "--keep-frames", "--window", "5")) == 0
    claim = {"source": "here", "says": f"claims {HOSTILE}", "measured": "1 > 0", "reading": "so", "verdict": "holds"}
    made.write("claims.json", json.dumps([claim, claim | {"says": "another", "verdict": "does not hold"}]))
    return made.path("run.db")


@pytest.fixture(scope="module")
def page(database):
    return report(database)


@pytest.fixture
def shown(browser, page):
    return opened(browser, page)


def test_it_loads_without_a_word_on_the_console_and_asks_no_network(shown, page):
    assert shown.get_log("browser") == []
    asked = [json.loads(entry["message"])["message"] for entry in shown.get_log("performance")]
    requests = [one["params"] for one in asked if one["method"] == "Network.requestWillBeSent"]
    own = [one["request"]["url"] for one in requests if one["documentURL"] == page.as_uri()]
    assert [url for url in own if not url.startswith("data:")] == [page.as_uri()]
    assert not any(one["request"]["url"].startswith(("http", "ws")) for one in requests)


def test_what_a_user_wrote_stays_text(shown):
    assert shown.execute_script("return document.querySelectorAll('img').length") == 0
    assert shown.execute_script("return document.querySelectorAll('script').length") == 2
    assert HOSTILE in [row[2] for row in cells(shown, "#decisions")]
    assert [row[1] for row in cells(shown, "#claims")] == [f"claims {HOSTILE}", "another"]


def test_the_runs_on_the_page_are_those_of_the_results(shown, database):
    expected = [
        [row["end_s"], row["arrived_tasks"], row["deployed_tasks"], row["bound_tasks"], row["departed_tasks"],
         row["rejected_tasks"], row["evicted_tasks"], row["reserved_bps"], row["reserved_flop_per_s"]]
        for row in rows(database)
    ]  # fmt: skip
    assert [[float(cell) for cell in row[3:]] for row in cells(shown, "#runs")] == expected


@pytest.mark.parametrize("table, columns", [
    ("decisions", ("time_s", "cut", "need_bps", "free_bps", "need_flop_per_s", "free_flop_per_s")),
    ("tasks", ("arrival_s", "input_bytes", "deployed_s", "ended_s", "reserved_bps", "reserved_flop_per_s", "raw_bps")),
    ("frames", ("frames", "delivered", "lost", "violations", "transfer_mean_s", "transfer_p99_s", "end_to_end_max_s")),
])  # fmt: skip
def test_the_numbers_of_the_long_tables_are_those_of_the_results(shown, database, table, columns):
    heads = [cell.get_attribute("data-name") for cell in find_all(shown, f"#{table} thead th")]
    places = [heads.index(column) for column in columns]
    found = [[row[place] for place in places] for row in cells(shown, f"#{table}")]
    expected = rows(database, table)
    assert len(found) == len(expected) > 0
    for own, row in zip(found, expected, strict=True):
        assert [None if text == "" else float(text) for text in own] == [row[column] for column in columns]


def test_tables_show_units_people_read_and_tell_the_exact_number_on_hover(shown, database):
    """Heads name the unit; what is shown is the number of the results in it, to four digits."""
    units = {"need_bps": ("need [Mbit/s]", 1e6, "bit/s"), "free_flop_per_s": ("free [GFLOP/s]", 1e9, "FLOP/s"),
             "time_s": ("time [s]", 1, "s")}  # fmt: skip
    heads = {cell.get_attribute("data-name"): cell for cell in find_all(shown, "#decisions thead th")}
    lines = cells(shown, "#decisions", "[cell.textContent, cell.title]")
    assert len(lines) == len(rows(database, "decisions"))
    for name, (label, factor, unit) in units.items():
        assert " ".join(heads[name].text.split()) == label
        assert heads[name].get_attribute("title").startswith(f"{name}: ")
        place = list(heads).index(name)
        for line, row in zip(lines, rows(database, "decisions"), strict=True):
            text, hover = line[place]
            assert float(text.replace(",", "")) == pytest.approx(row[name] / factor, rel=5.001e-4)
            exact, _, said = hover.partition(" ")
            assert (float(exact), said) == (row[name], unit)
    deadlines = [cell.text for cell in find_all(shown, "#tasks thead th") if "deadline" in cell.text]
    assert [" ".join(text.split()) for text in deadlines] == ["deadline [ms]"]


def test_tasks_are_chosen_by_what_became_of_them(shown, database):
    outcomes = [row["outcome"] for row in rows(database, "tasks")]
    select = choice(shown, "#tasks")
    there = [option.text for option in select.options]
    named = ("deployed", "departed", "rejected", "evicted")
    assert there == ["all", *(f"{one} ({outcomes.count(one)})" for one in named if one in outcomes)]
    place = [cell.get_attribute("data-name") for cell in find_all(shown, "#tasks thead th")].index("outcome")
    select.select_by_index(1)
    assert [row[place] for row in cells(shown, "#tasks")] == ["deployed"] * outcomes.count("deployed")


def test_every_table_is_as_wide_as_the_page_and_no_wider(shown):
    widths = "return [...document.querySelectorAll('table')].map(t => [t.scrollWidth, t.parentElement.clientWidth])"
    found = shown.execute_script(widths)
    assert len(found) >= 6 and all(own <= room for own, room in found), found


def test_the_curves_on_the_page_are_those_of_the_results(shown, database):
    panels = shown.execute_script("return JSON.parse(document.getElementById('data').textContent).panels")
    deployed = next(panel for panel in panels if panel["name"] == "deployed")
    series = rows(database, "series")
    for number, (curve, run) in enumerate(zip(deployed["curves"], rows(database), strict=True), start=1):
        own = [(row["time_s"], row["deployed_tasks"]) for row in series if row["run"] == number]
        points = list(zip(curve["x"], curve["y"], strict=True))
        assert points == [*own, (run["end_s"], run["deployed_tasks"])]


def view(figure):
    plot = find(figure, ".plot")
    return float(plot.get_attribute("data-from")), float(plot.get_attribute("data-to"))


def ticks(figure):
    return [tick.text for tick in find_all(figure, ".x-tick")]


def test_heat_maps_have_a_scale_with_what_it_means(shown):
    maps = [figure for figure in find_all(shown, "figure") if figure.get_attribute("data-name").startswith("heatmap")]
    assert maps
    for figure in maps:
        assert find(figure, ".scale").text.startswith(f"{find(figure, 'h3').text.partition(': ')[2]} [%]: 0")
        assert find(figure, ".scale canvas").size["width"] > 50
        assert find(figure, ".note").text.startswith("The darker, the more is reserved.")


def test_dragging_zooms_and_the_button_shows_all_again(shown):
    from selenium.webdriver import ActionChains

    figure = find(shown, "figure[data-name=deployed]")
    shown.execute_script("arguments[0].scrollIntoView({block: 'center'})", figure)
    whole, labels = view(figure), ticks(figure)
    assert whole == (0.0, 60.0)
    drag = ActionChains(shown).move_to_element_with_offset(find(figure, ".plot"), -100, 0).click_and_hold()
    drag.move_by_offset(150, 0).release().perform()
    low, high = view(figure)
    assert 0 < low < high < 60 and ticks(figure) != labels
    assert all(low <= float(text) <= high for text in ticks(figure))
    find_all(figure, ".tools button")[2].click()
    assert (view(figure), ticks(figure)) == (whole, labels)


def test_keys_zoom_move_and_show_all_again(shown):
    figure = find(shown, "figure[data-name=deployed]")
    plot, whole = find(figure, ".plot"), view(figure)
    plot.send_keys("+")
    assert view(figure) == (15.0, 45.0)
    plot.send_keys("\ue014")  # arrow to the right: a fifth of what is seen
    assert view(figure) == (21.0, 51.0)
    plot.send_keys("0")
    assert view(figure) == whole


def test_hovering_tells_the_values_at_that_time(shown, database):
    from selenium.webdriver import ActionChains

    figure = find(shown, "figure[data-name=deployed]")
    shown.execute_script("arguments[0].scrollIntoView({block: 'center'})", figure)
    plot = find(figure, ".plot")
    ActionChains(shown).move_to_element_with_offset(plot, plot.size["width"] // 2 - 60, 0).perform()
    told = [line.text for line in find_all(figure, ".tip span")]
    ends = [row["deployed_tasks"] for row in rows(database) if row["end_s"] == 60.0]
    assert [int(line.rpartition(" ")[2]) for line in told][: len(ends)] == ends


def test_a_line_of_the_legend_hides_and_shows_its_curve(shown):
    figure = find(shown, "figure[data-name=deployed]")
    button = find(figure, ".legend button")
    before = len(find_all(figure, "path.curve"))
    button.click()
    assert (len(find_all(figure, "path.curve")), button.get_attribute("aria-pressed")) == (before - 1, "false")
    button.click()
    assert (len(find_all(figure, "path.curve")), button.get_attribute("aria-pressed")) == (before, "true")


@pytest.mark.parametrize("table, column", [("decisions", 1), ("runs", 5)])
def test_tables_sort_both_ways_by_click_and_by_key(shown, table, column):
    def values():
        return [float(row[column]) for row in cells(shown, f"#{table}")]

    head = find_all(shown, f"#{table} thead th")[column]
    shown.execute_script("arguments[0].scrollIntoView({block: 'center'})", head)
    before = values()
    find(head, "button").click()
    assert (values(), head.get_attribute("aria-sort")) == (sorted(before), "ascending")
    find(head, "button").send_keys("\ue007")
    assert (values(), head.get_attribute("aria-sort")) == (sorted(before, reverse=True), "descending")


def test_searching_finds_a_decision_with_its_reason(shown, database):
    box = find(shown, "#decisions input")
    box.send_keys("evicting t1")
    wait(shown, lambda: len(cells(shown, "#decisions")) == 1)
    (found,) = cells(shown, "#decisions", "cell.textContent")
    (expected,) = (row for row in rows(database, "decisions") if row["evicted"] == '["t1"]')
    assert found[2:6] == [expected["task"], "deploy", "1", "deployed at cut 1, after evicting t1"]
    assert "of 1 found in" in find(shown, "#decisions [role=status]").text
    box.clear()
    box.send_keys("nothing is called so")
    wait(shown, lambda: cells(shown, "#decisions") == [])


def test_on_a_phone_nothing_is_wider_than_the_screen(browser, page):
    opened(browser, page, width=360)
    assert browser.execute_script("return document.documentElement.scrollWidth") == 360
    beyond = "e => !e.closest('.scroll, svg, [hidden]') && e.getBoundingClientRect().right > 360.5"
    wide = browser.execute_script(
        f"return [...document.querySelectorAll('main *, header *, footer *')].filter({beyond}).map(e => e.outerHTML)"
    )
    assert wide == []


CUT = """
return [...document.querySelectorAll(".plot svg")].flatMap((svg) => {
  const all = svg.getBoundingClientRect();
  return [...svg.querySelectorAll("text")].filter((text) => {
    const own = text.getBoundingClientRect();
    return own.left < all.left - 1 || own.right > all.right + 1 || own.top < all.top - 1 || own.bottom > all.bottom + 1;
  }).map((text) => text.textContent);
});
"""


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_no_text_of_a_figure_is_cut_off(browser, page, width):
    assert find_all(opened(browser, page, width), ".y-label")
    assert browser.execute_script(CUT) == []


def test_it_prints_without_what_only_a_screen_needs(shown):
    shown.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        hidden = "return getComputedStyle(document.querySelector(arguments[0])).display"
        assert [shown.execute_script(hidden, name) for name in ("nav", ".tools", ".find")] == ["none"] * 3
        printed = base64.b64decode(shown.execute_cdp_cmd("Page.printToPDF", {})["data"])
        assert printed.startswith(b"%PDF")
    finally:
        shown.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_on_paper_no_table_is_wider_than_the_page(browser, page):
    """A4 is 210 mm wide, 186 mm of them within the margins: 703 pixels at 96 an inch."""
    browser = opened(browser, page, 703)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        widths = "return [...document.querySelectorAll('table')].map(t => [t.scrollWidth, t.parentElement.clientWidth])"
        found = browser.execute_script(widths)
        assert len(found) >= 6 and all(own <= room for own, room in found), found
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_in_the_dark(shown, scheme):
    """Contrast of at least 4.5 to 1: Web Content Accessibility Guidelines 2.2, criterion 1.4.3."""
    shown.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    try:
        colours = shown.execute_script(
            "const s = getComputedStyle(document.documentElement);"
            "return Object.fromEntries(['ink', 'soft', 'accent', 'good', 'bad', 'paper', 'wash', 'bar']"
            ".map(name => [name, s.getPropertyValue('--' + name).trim()]))"
        )
        for back in ("paper", "wash"):
            for name in ("ink", "soft", "accent", "good", "bad"):
                assert contrast(colours[name], colours[back]) >= 4.5, (scheme, name, back)
        assert contrast(colours["ink"], colours["bar"]) >= 4.5
    finally:
        shown.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def contrast(one, other):
    def lightness(colour):
        parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((lightness(one), lightness(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """One run with very many decisions."""
    path = tmp_path_factory.mktemp("large") / "large.db"
    names = column_names("decisions")
    known = {"evicted": "[]", "verdict": "reject", "resource": "link", "link": "l", "server": "s", "need_bps": 4e6}

    def decision(k):
        told = known | {"time_s": float(k), "task": f"camera-{k}", "reason": f"no cut fits by {k} bit/s"}
        return [told.get(name) for name in names]

    decisions = map(decision, range(MANY))
    row = {
        "key": "a" * 64,
        "scenario": "{}",
        "scheduler": "fifo",
        "status": "done",
        "versions": "{}",
        "end_s": float(MANY),
    }
    counts = ("arrived", "deployed", "departed", "rejected", "evicted", "peak_deployed")
    row |= {f"{name}_tasks": 0 for name in counts} | {"reserved_bps": 0.0, "reserved_flop_per_s": 0.0}
    with Results(path) as results:
        results.write(row, {"decisions": decisions})
    return report(path)


@pytest.mark.slow
def test_one_of_very_many_decisions_is_found_and_only_one_page_is_in_the_document(browser, large):
    shown = opened(browser, large)
    assert len(cells(shown, "#decisions")) == 50
    assert find(shown, "#decisions [role=status]").text == "1–50 of 100,000"
    find_all(shown, "#decisions .pager button")[1].click()
    assert cells(shown, "#decisions")[0][2] == "camera-50"
    find(shown, "#decisions input").send_keys("camera-98765")
    wait(shown, lambda: len(cells(shown, "#decisions")) == 1)
    assert cells(shown, "#decisions", "cell.textContent")[0][5] == "no cut fits by 98765 bit/s"
    find(shown, "#decisions input").clear()
    find(shown, "#decisions input").send_keys("camera")
    wait(shown, lambda: len(cells(shown, "#decisions")) == 50)
    head = find_all(shown, "#decisions thead th")[1]
    for _ in range(2):
        find(head, "button").click()
    assert cells(shown, "#decisions")[0][2] == f"camera-{MANY - 1}"
