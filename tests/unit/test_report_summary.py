"""What a report says first, against numbers worked out by hand; what its page shows is looked at in a browser."""

from __future__ import annotations

import pytest
from browsing import NEEDS_A_BROWSER, a_browser, cells, choice, find, find_all, opened
from runs_by_hand import rows, run, series, written

from cutlayer.experiments.figures.over_time import deployed
from cutlayer.experiments.records.run_groups import chosen_rows, group_runs
from cutlayer.experiments.report.page import report

T = 0.95 * (2 / (1 - 0.95**2)) ** 0.5
"""Student's 97.5 % point with two degrees of freedom, in closed form: 4.3027."""
FEW = {"paper": {"servers": 2}}
MANY = {"paper": {"servers": 10}}
NUMBERS = {
    ("fifo", 2): (10, 12, 14), ("lbf", 2): (16, 18, 17), ("cloud", 2): (16, 18, 17),
    ("fifo", 10): (20, 20, 20), ("lbf", 10): (20, 20, 20), ("cloud", 10): (20, 20, 20),
}  # fmt: skip
BOUNDS = {2: 18.5, 10: 20.0}
DECIDED = (
    {"task": "in", "verdict": "deploy", "cut": 1, "evicted": "[]"},
    {"task": "out", "verdict": "reject", "reason": "no cut fits", "evicted": "[]"},
    {"task": "instead", "verdict": "deploy", "cut": 2, "evicted": '["in"]'},
    {"task": None, "verdict": "evict", "reason": "less bandwidth", "evicted": '["instead"]'},
)


def all_runs(servers=(10, 2)):
    """The case of ten servers first, the worst scheduler first: nothing is in order in the file."""
    for (scheduler, n), values in NUMBERS.items():
        for seed, value in enumerate(values):
            if n in servers:
                scenario = MANY if n == 10 else FEW
                more = {"deployed_tasks": value, "bound_tasks": BOUNDS[n], "gap": 1 - value / BOUNDS[n]}
                tables = (
                    {"decisions": rows("decisions", *({"time_s": 0.0} | one for one in DECIDED))}
                    if (scheduler, n, seed) == ("fifo", 2, 0)
                    else {}
                )
                yield run(scheduler, seed, scenario, arrived_tasks=20, **more), tables


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("summary") / "r.db"
    written(path, *all_runs())
    return report(path)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    yield from a_browser(tmp_path_factory.mktemp("browser"))


@pytest.fixture
def shown(browser, page):
    return opened(browser, page)


def forest(shown, name):
    """Return (label, mean, low, high, bound, what is said) of every line; a heading has its label alone."""
    found = []
    for line in find_all(shown, f"figure[data-name={name}] li"):
        if line.get_attribute("class") == "case":
            found.append((line.text,))
            continue
        exact = [line.get_attribute(f"data-{part}") for part in ("mean", "low", "high", "bound")]
        exact = [None if text is None else float(text) for text in exact]
        found.append((find(line, ".who").text, *exact, find(line, ".said").text))
    return found


@NEEDS_A_BROWSER
def test_means_stand_with_their_intervals_the_best_first_beside_the_bound(shown):
    """10, 12, 14: mean 12, standard deviation 2, so half the interval is t 2 / sqrt(3); 16, 18, 17: t / sqrt(3)."""
    wide, narrow = 2 * T / 3**0.5, T / 3**0.5
    same = (20, 20, 20, 20, "20")
    expected = [
        ("servers 2",),
        ("lbf", 17, 17 - narrow, 17 + narrow, 18.5, "17.0 [14.5, 19.5]"),
        ("cloud", 17, 17 - narrow, 17 + narrow, 18.5, "17.0 [14.5, 19.5]"),
        ("fifo", 12, 12 - wide, 12 + wide, 18.5, "12.0 [7.0, 17.0]"),
        ("servers 10",),
        *((name, *same) for name in ("fifo", "lbf", "cloud")),
    ]
    found = forest(shown, "forest")
    assert [(line[0], line[-1]) for line in found] == [(line[0], line[-1]) for line in expected]
    for own, line in zip(found, expected, strict=True):
        assert own[1:-1] == pytest.approx(line[1:-1], rel=1e-9)


@NEEDS_A_BROWSER
def test_differences_are_first_minus_second_seed_by_seed(shown):
    """fifo - lbf: -6, -6, -3: mean -5, standard deviation sqrt(3), so half the interval is t."""
    expected = [
        ("servers 2",),
        ("cloud − lbf", 0, 0, 0, "+0 (equal in every pair)"),
        ("fifo − lbf", -5, -5 - T, -5 + T, "-5.0 [-9.3, -0.7]"),
        ("servers 10",),
        ("lbf − fifo", 0, 0, 0, "+0 (equal in every pair)"),
        ("cloud − fifo", 0, 0, 0, "+0 (equal in every pair)"),
    ]
    found = [line if len(line) == 1 else (*line[:4], line[5]) for line in forest(shown, "differences")]
    assert [(line[0], line[-1]) for line in found] == [(line[0], line[-1]) for line in expected]
    for own, line in zip(found, expected, strict=True):
        assert own[1:-1] == pytest.approx(line[1:-1], rel=1e-9, abs=1e-12)
    assert "first named minus second" in find(shown, "figure[data-name=differences] .note").text.lower()


@NEEDS_A_BROWSER
@pytest.mark.parametrize("width", [1280, 390])
def test_dots_and_ends_stand_where_the_axis_says(browser, page, width):
    """Where -5 and its ends are is interpolated between the ticks around them."""
    shown = opened(browser, page, width)
    figure = find(shown, "figure[data-name=differences]")
    ticks = {float(text.text): middle(shown, text) for text in find_all(figure, ".ticks text")}
    (line,) = (one for one in find_all(figure, "li") if one.text.startswith("fifo − lbf"))
    (low, at_low), (high, at_high) = min(ticks.items()), max(ticks.items())
    places = sorted(middle(shown, mark) for mark in find_all(line, "circle, rect.end"))
    wanted = [at_low + (value - low) / (high - low) * (at_high - at_low) for value in (-5 - T, -5, -5 + T)]
    assert places == pytest.approx(wanted, abs=1)


def middle(shown, element):
    box = "const b = arguments[0].getBoundingClientRect(); return b.left + b.width / 2"
    return shown.execute_script(box, element)


@NEEDS_A_BROWSER
def test_the_summary_has_the_best_first_and_can_still_be_sorted(shown):
    names = [row[0] for row in cells(shown, "#summary table")]
    means = [float(row[1]) for row in cells(shown, "#summary table")]
    assert names[:3] == ["lbf, servers 2", "cloud, servers 2", "fifo, servers 2"]
    assert means == [17, 17, 12, 20, 20, 20]
    find_all(shown, "#summary th button")[1].click()
    assert [float(row[1]) for row in cells(shown, "#summary table")] == sorted(means)


@NEEDS_A_BROWSER
def test_a_decision_that_evicts_is_found_whether_it_deploys_or_not(shown):
    select = choice(shown, "#decisions")
    assert [option.text for option in select.options] == ["all", "deployed (2)", "rejected (1)", "evicted (2)"]
    expected = {"deployed (2)": ["in", "instead"], "rejected (1)": ["out"], "evicted (2)": ["instead", ""]}
    for option, tasks in expected.items():
        select.select_by_visible_text(option)
        assert [row[2] for row in cells(shown, "#decisions")] == tasks
    find(shown, "#decisions input").send_keys("bandwidth")
    select.select_by_visible_text("rejected (1)")
    assert cells(shown, "#decisions") == []
    assert shown.get_log("browser") == []


def test_it_is_said_where_every_scheduler_reaches_the_bound(page, tmp_path):
    said = "every scheduler reaches the bound in every run"
    assert f"With servers 10: {said}" in page.read_text()
    written(tmp_path / "few.db", *all_runs((2,)))
    assert "reaches the bound" not in report(tmp_path / "few.db").read_text()
    written(tmp_path / "many.db", *all_runs((10,)))
    assert f"E{said[1:]}" in report(tmp_path / "many.db").read_text()


@pytest.mark.parametrize("reached, bound", [(True, 43.9), (True, 43.0), (False, 44.0)])
def test_what_cannot_be_exceeded_by_a_whole_task_is_reached(tmp_path, reached, bound):
    """43 of at most 43.9: a 44th has no room, whatever the scheduler."""
    written(tmp_path / "r.db", (run(deployed_tasks=43, bound_tasks=bound, gap=1 - 43 / bound), {}))
    assert ("reaches the bound" in report(tmp_path / "r.db").read_text()) is reached


def test_no_interval_reaches_below_nothing_or_above_all_that_arrived(tmp_path):
    """0, 0 and 6 of 7: Student's interval would be 2 -+ 8.6."""
    runs = [(run(name, seed, deployed_tasks=value, arrived_tasks=7), {})
            for name in ("fifo", "lbf") for seed, value in enumerate((0, 0, 6))]  # fmt: skip
    written(tmp_path / "r.db", *runs)
    text = report(tmp_path / "r.db").read_text()
    assert text.count('data-low="0" data-high="7"') == 2
    assert text.count('2.0 <span class="interval">[0.0, 7.0]</span>') == 2


def test_a_report_of_one_scheduler_compares_nothing(tmp_path):
    written(tmp_path / "r.db", (run(), {}))
    assert '<figure class="forest"' not in report(tmp_path / "r.db").read_text()


def test_where_nothing_was_kept_to_draw_that_is_said_in_place_of_figures(tmp_path):
    written(tmp_path / "r.db", (run(), {}))
    written(tmp_path / "kept.db", (run(), {"series": series((0, 1))}))
    bare, kept = (report(tmp_path / name).read_text() for name in ("r.db", "kept.db"))
    assert '<details class="soft" open>' in bare and "Drag to zoom, double" not in bare
    assert '<details class="soft">' in kept and "Drag to zoom, double" in kept


def test_deployed_tasks_over_time_stand_below_the_bound_at_their_end(tmp_path):
    bounds = (4.0, 6.0)
    runs = [
        (run(name, seed, bound_tasks=bound), {"series": series((0, 1))})
        for name in ("fifo", "lbf")
        for seed, bound in enumerate(bounds)
    ]
    with written(tmp_path / "r.db", *runs) as results:
        (panel,) = deployed(results, group_runs(chosen_rows(results)))
    assert (panel.lines, panel.ends) == ((("bound", 5.0),), ())


def test_scenarios_with_bounds_of_their_own_have_a_line_each(tmp_path):
    runs = [(run("fifo", 0, where, bound_tasks=bound), {"series": series((0, 1))})
            for where, bound in ((FEW, 3.0), (MANY, 9.0))]  # fmt: skip
    with written(tmp_path / "r.db", *runs) as results:
        (panel,) = deployed(results, group_runs(chosen_rows(results)))
    assert panel.lines == (("bound, servers 2", 3.0), ("bound, servers 10", 9.0))


def test_where_tasks_depart_the_bound_holds_at_the_end_alone(tmp_path):
    runs = [(run(bound_tasks=3.0, departed_tasks=1), {"series": series((0, 7), (5, 2))})]
    with written(tmp_path / "r.db", *runs) as results:
        (panel,) = deployed(results, group_runs(chosen_rows(results)))
    assert (panel.lines, panel.ends) == ((), (("bound at the end", 3.0),))
