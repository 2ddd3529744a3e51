"""What ``cutlayer plan`` found is in the figures of its results: what was asked for, and the answer."""

from cutlayer.experiments.figures.sweep_panels import sweep
from cutlayer.experiments.records.run_groups import chosen_rows, group_runs
from cutlayer.simulator.results.file import Results

PLAN = ["plan", "paper", "--set", "workload.tasks=40", "--deployed", "90%", "--seeds", "3", "--most-seeds", "6"]


def panels(path):
    with Results(path, must_exist=True) as results:
        return {panel.name: panel for panel in sweep(results, group_runs(chosen_rows(results)))}


def test_the_figure_of_a_plan_has_what_was_asked_for_and_the_answers(cutlayer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    argv = [*PLAN, "--find", "network.servers=1:6", "--out", "p.db"]
    found = {}
    for scheduler in ("fifo", "offline"):
        done = cutlayer([*argv, "--scheduler", scheduler, "--json"])
        assert done.status == 0
        found[scheduler] = done.json
    panel = panels("p.db")["plan-deployed"]
    assert panel.lines == (("asked for: 90%", 90.0),)
    assert {curve.label for curve in panel.curves} == {"fifo", "offline"}
    seeds = {step["seeds"] for plan in found.values() for step in plan["steps"]}
    assert len(seeds) > 1 and f"mean over {min(seeds)} to {max(seeds)} seeds, by point" in panel.note
    answers = {name: float(plan["answer"]["settings"][0].partition("=")[2]) for name, plan in found.items()}
    named = {name: value for names, value in panel.x_lines for name in names.split("; ")}
    assert named == {f"{name}: {value:g}": value for name, value in answers.items()}
    for curve in panel.curves:
        tried = {float(s["settings"][0].partition("=")[2]): s["deployed"] for s in found[curve.label]["steps"]}
        assert curve.x.tolist() == sorted(tried)
        assert all(0 <= low <= y <= high <= 100 for low, y, high in zip(curve.low, curve.y, curve.high, strict=True))
    done = cutlayer(["plot", "p.db", "--what", "sweep"])
    assert done.out.split() == ["p-figures/sweep-deployed.png", "p-figures/sweep-plan-deployed.png"]
    assert cutlayer(["results", "p.db"]).out.count("\n") == 1 + sum(len(plan["steps"]) for plan in found.values())


def test_a_plan_in_a_unit_is_drawn_in_that_unit(cutlayer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    argv = [*PLAN, "--set", "network.servers=10", "--find", "network.uplink=5:45:20 Mbit/s", "--out", "p.db"]
    assert cutlayer([*argv, "--scheduler", "offline"]).status == 0
    panel = panels("p.db")["plan-deployed"]
    assert panel.x_label == "network.uplink [Mbit/s]" and set(panel.curves[0].x.tolist()) <= {5.0, 25.0, 45.0}
