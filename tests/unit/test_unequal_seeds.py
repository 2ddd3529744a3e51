"""Runs that failed and seeds that are missing are said wherever a mean is shown, on numbers worked out by hand."""

from __future__ import annotations

import html
import re

import pytest
from runs_by_hand import run, series, written

from cutlayer.experiments.figures.over_time import deployed
from cutlayer.experiments.figures.plot import plot
from cutlayer.experiments.figures.seeds import failures
from cutlayer.experiments.figures.sweep_panels import sweep
from cutlayer.experiments.records.run_groups import chosen_rows, group_runs
from cutlayer.experiments.report.page import report

BOUNDS = (10.0, 20.0, 30.0, 40.0)
"""By seed: 25 on average, over the first two 15."""


def failed(scheduler, seed, error, **more):
    return run(scheduler, seed, status="failed", error=error, **more), {}


def done(scheduler, seed, deployed_tasks, scenario=None):
    counts = {"arrived_tasks": 40, "deployed_tasks": deployed_tasks, "bound_tasks": BOUNDS[seed]}
    return run(scheduler, seed, scenario, **counts), {"series": series((0, deployed_tasks))}


@pytest.fixture
def path(tmp_path):
    """`part` has the two best seeds alone, of which it is better than anyone in none."""
    runs = [done("part", seed, value) for seed, value in ((2, 29), (3, 39))]
    runs += [failed("part", seed, f"<b>error & {seed}</b>") for seed in (0, 1)]
    runs += [failed("never", seed, "never") for seed in range(4)]
    runs += [done(name, seed, bound - less) for name, less in (("lbf", 1), ("fifo", 2))
             for seed, bound in enumerate(BOUNDS)]  # fmt: skip
    written(tmp_path / "r.db", *runs)
    return tmp_path / "r.db"


def section(page, name):
    return re.search(rf'<section id="{name}">(.*?)</section>', page, re.DOTALL)[1]


def test_a_report_says_first_how_many_runs_failed_of_whom_and_why(path):
    page = report(path).read_text()
    assert section(page, "summary").startswith('<h2>Summary</h2><div class="notice" id="failed">')
    assert "6 runs failed and are in no number below" in page
    assert "<li>part: 2 of 4 runs failed; the first: &lt;b&gt;error &amp; 0&lt;/b&gt;</li>" in page
    assert "<li>never: all 4 runs failed; the first: never</li>" in page
    assert "10 runs: 3 schedulers" in page and "up to 4 seeds each. 6 more failed." in page
    assert "<b>error" not in page


def test_a_report_of_runs_that_are_all_done_says_nothing_of_failures(tmp_path):
    written(tmp_path / "r.db", *(done("fifo", seed, 5) for seed in range(2)))
    assert 'id="failed"' not in report(tmp_path / "r.db").read_text()


def test_a_mean_over_fewer_seeds_is_not_ranked_among_the_others(path):
    """34 of part is over seeds 2 and 3 alone, 24 of lbf over all four; over 2 and 3 lbf has 34 too."""
    page = report(path).read_text()
    assert "of those with all seeds: lbf, 24 of 40" in page
    table = section(page, "summary").partition("<tbody>")[2]
    names = re.findall(r"<tr><td>(.*?)</td>", table)
    assert names == ["lbf", "fifo", 'part <span class="soft">2 of 4 seeds: not comparable by its mean</span>']
    said = [html.unescape(text) for text in re.findall(r'<span class="said">(.*?)</span>', page)]
    assert said[2].startswith("34.0 [") and said[2].endswith("] (2 of 4 seeds: not comparable by its mean)")
    assert said[-1] == "+0 (equal in every pair) (over 2 seeds that both have)"


def test_both_bounds_of_a_page_are_over_all_seeds(path):
    """The first scheduler of the file has the bounds 30 and 40 alone."""
    page = report(path).read_text()
    assert set(re.findall(r'data-bound="([\d.]+)"', page)) == {"25.0"}
    assert "Dashed: the bound, 25 on average" in page
    assert "An interval that crosses it is over seeds, and each seed has a bound of its own." in page
    with written(path) as results:
        (panel,) = deployed(results, group_runs(chosen_rows(results)))
    assert panel.lines == (("bound", 25.0),) or panel.ends == (("bound at the end", 25.0),)


def test_curves_say_the_seeds_that_each_line_has(path):
    with written(path) as results:
        (panel,) = deployed(results, group_runs(chosen_rows(results)))
    note = "mean over 2 to 4 seeds, band: 95 % interval; part: 2 of 4 seeds: not comparable by its mean"
    assert panel.note.startswith(note)


def test_a_sweep_says_the_seeds_that_each_point_has(tmp_path):
    scenarios = [{"paper": {"servers": servers}} for servers in (10, 20)]
    runs = [done("lbf", seed, 5, where) for where in scenarios for seed in range(4)]
    runs += [done("part", seed, 5, scenarios[0]) for seed in range(4)] + [done("part", 0, 5, scenarios[1])]
    with written(tmp_path / "r.db", *runs) as results:
        (panel,) = sweep(results, group_runs(chosen_rows(results)))
    assert panel.note == "mean over 1 to 4 seeds, by point, band: 95 % interval"


def test_plot_says_which_runs_are_in_no_figure(path, tmp_path):
    said = []
    plot(path, what=["deployed"], out=tmp_path / "f", say=said.append)
    assert said[:2] == [
        "not in the figures: part: 2 of 4 runs failed; the first: <b>error & 0</b>",
        "not in the figures: never: all 4 runs failed; the first: never",
    ]
    assert said[2].startswith("deployed: mean over 2 to 4 seeds")


def test_failures_of_a_file_that_was_mended_since_do_not_count(tmp_path):
    old, new = ({"scheduler": {"sha256": digest}} for digest in ("a", "b"))
    with written(tmp_path / "r.db", failed("mine", 0, "old", scenario=old), done("mine", 0, 5, new)) as results:
        assert failures(results) == []
    with written(tmp_path / "s.db", done("mine", 0, 5, old), failed("mine", 0, "new", scenario=new)) as results:
        (one,) = failures(results)
    assert str(one) == "mine: 1 of 1 runs failed; the first: new"
