"""Seeds until it is sure, and how much is enough: against engines whose answers are known."""

import numpy as np
import pytest

from cutlayer.experiments.runs.cell import Outcome, failure
from cutlayer.experiments.stats import FIRST, Interval
from cutlayer.experiments.sweeps.grid import grid_of
from cutlayer.experiments.sweeps.plan_text import as_text as _as_text
from cutlayer.experiments.sweeps.planning import Plan, Planner, Step, Wish, short_of
from cutlayer.experiments.sweeps.until import sweep_until, wish_of
from cutlayer.simulator.errors import CutlayerError, InputError
from cutlayer.simulator.results.file import Results
from cutlayer.simulator.rng import stream


class Known:
    """An engine that does not simulate: what comes out is drawn around what a function says."""

    def __init__(self, share, spread=0.0, late=lambda servers: 0.0):
        self.share, self.spread, self.late, self.ran = share, spread, late, []

    def outcomes(self, cells):
        for cell in cells:
            servers = cell.scenario.network.servers
            self.ran.append((servers, cell.label, cell.seed))
            noise = self.spread * stream(cell.seed, "noise", servers).normal()
            deployed = 1000 * (self.share(servers, cell.label) + noise)
            values = {
                "status": "done",
                "end_s": 1.0,
                "arrived_tasks": 1000,
                "deployed_tasks": deployed,
                "departed_tasks": 0,
            }
            late = {"delivered": 1000, "violations": 1000 * self.late(servers)}
            yield cell, Outcome(values | late, {})


def test_seeds_are_added_where_it_is_not_sure_yet_and_nowhere_else(tmp_path):
    grid = grid_of("paper", [], ["network.servers=4,5", "scheduler=offline,lbf"])

    class OneNoisy(Known):
        def outcomes(self, cells):
            for cell, outcome in super().outcomes(cells):
                if (cell.scenario.network.servers, cell.label) == (5, "lbf"):
                    outcome.values["deployed_tasks"] += 100 * stream(cell.seed, "noisy").normal()
                yield cell, outcome

    engine = OneNoisy(lambda servers, label: 0.5)
    with Results(tmp_path / "r.db") as results:
        tally, wide = sweep_until(results, grid, wish_of("deployed_tasks +-2%"), 1000, engine)
        assert wide == {}
        seeds = {}
        for servers, label, seed in engine.ran:
            seeds.setdefault((servers, label), set()).add(seed)
        noisy = seeds.pop((5, "lbf"))
        assert all(own == set(range(FIRST)) for own in seeds.values())
        # half a width of 1.96 * 100 / sqrt(n) below 500 * 0.02 / 1.02 takes about 400
        assert 200 < len(noisy) < 700 and noisy == set(range(len(noisy)))
        assert tally.done == len(engine.ran)

        again = Known(lambda servers, label: 0.5)
        tally, _ = sweep_until(results, grid, wish_of("deployed_tasks +-2%"), 1000, again)
        assert again.ran == [] and tally.done == 0, "the same wish again finds all there"


def test_what_is_not_narrow_at_the_most_seeds_is_named(tmp_path):
    grid = grid_of("paper", [], ["network.servers=4", "scheduler=offline"])
    with Results(tmp_path / "r.db") as results:
        _, wide = sweep_until(results, grid, wish_of("deployed_tasks +-0.001"), 25, Known(lambda s, n: 0.5, spread=0.1))
    assert list(wide) == ["offline at network.servers=4"]
    assert wide["offline at network.servers=4"].n == 25


@pytest.mark.parametrize(
    "text, says",
    [
        ("deployed", "allowed: MEASURE +-WIDTH"),
        ("deployed_tasks +-0%", "allowed: MEASURE +-WIDTH"),
        ("deployed_tasks +-1.2.3%", "allowed: MEASURE +-WIDTH"),
        ("deploied_tasks +-1%", "did you mean 'deployed_tasks'?"),
        ("scheduler +-1%", "unknown measure 'scheduler'"),
        ("seed +-1%", "seed is no measure; allowed: what a run measures"),
        ("wall_s +-1%", "wall_s is a number of the machine"),
        ("peak_memory_bytes +-1%", "peak_memory_bytes is a number of the machine"),
    ],
)
def test_a_wish_that_is_none_is_told(text, says):
    with pytest.raises(InputError) as caught:
        wish_of(text)
    assert says in str(caught.value)


def planner(results, engine, wish, values="1:200", most_seeds=40, **more):
    points = grid_of("paper", [], [f"network.servers={values}"]).points
    return Planner(results, points, ("offline", {}), wish, 5, most_seeds, engine, **more)


@pytest.mark.parametrize("enough", [1, 2, 73, 199, 200])
def test_bisection_finds_the_fewest_servers_in_few_steps_and_resumes(tmp_path, enough):
    engine = Known(lambda servers, label: 0.96 if servers >= enough else 0.9)
    with Results(tmp_path / "r.db") as results:
        plan = planner(results, engine, Wish(0.95)).fewest()
        assert plan.answer.point.settings == (f"network.servers={enough}",)
        assert len(plan.steps) <= 9 and plan.surprises() == []
        if enough > 1:
            assert plan.beside.point.settings == (f"network.servers={enough - 1}",)
        else:
            assert plan.beside is None
        again = Known(engine.share)
        assert planner(results, again, Wish(0.95)).fewest().answer == plan.answer and again.ran == []


def test_if_neither_end_is_enough_there_is_no_answer(tmp_path):
    with Results(tmp_path / "r.db") as results:
        plan = planner(results, Known(lambda servers, label: 0.9), Wish(0.95)).fewest()
    assert plan.answer is None
    assert [step.point.settings for step in plan.steps] == [("network.servers=200",), ("network.servers=1",)]
    assert plan.beside is plan.steps[0]


@pytest.mark.parametrize("at_one", [1.0, 0.5])
def test_where_the_other_end_is_enough_or_better_bisection_is_refused(tmp_path, at_one):
    engine = Known(lambda servers, label: at_one if servers == 1 else 0.1)
    with Results(tmp_path / "r.db") as results, pytest.raises(InputError) as caught:
        planner(results, engine, Wish(0.95)).fewest()
    said = str(caught.value)
    assert said.startswith("more network.servers makes it worse (network.servers=1: ") and "\n" not in said
    assert "bisection upwards does not apply" in said


def test_of_a_share_bisection_is_refused_where_less_makes_more_late(tmp_path):
    engine = Known(lambda servers, label: 1.0, late=lambda servers: 0.5 if servers < 150 else 0.0)
    refused = pytest.raises(InputError, match=r"less network\.servers makes it worse")
    with Results(tmp_path / "r.db") as results, refused:
        planner(results, engine, Wish(0.5, 0.01)).largest()


def test_a_run_that_failed_is_done_again_if_asked_for(tmp_path):
    class Failing(Known):
        def outcomes(self, cells):
            return ((cell, failure("no luck")) for cell in cells)

    engine = Known(lambda servers, label: 1.0)
    with Results(tmp_path / "r.db") as results:
        with pytest.raises(CutlayerError, match=r"network\.servers=200: a run failed: no luck"):
            planner(results, Failing(engine.share), Wish(0.95)).fewest()
        with pytest.raises(CutlayerError, match=r"failed before \(--retry-failed does it again\): no luck"):
            planner(results, engine, Wish(0.95)).fewest()
        assert engine.ran == []
        plan = planner(results, engine, Wish(0.95), retry_failed=True).fewest()
    assert plan.answer.point.settings == ("network.servers=1",)


def test_violations_count_as_much_as_deployments(tmp_path):
    engine = Known(lambda servers, label: 1.0, late=lambda servers: 0.02 if servers < 50 else 0.005)
    with Results(tmp_path / "r.db") as results:
        plan = planner(results, engine, Wish(0.95, 0.01)).fewest()
    assert plan.answer.point.settings == ("network.servers=50",)


def test_of_a_share_the_largest_is_found_at_which_few_enough_are_late(tmp_path):
    engine = Known(lambda servers, label: servers / 200, late=lambda servers: 0.02 if servers > 120 else 0.0)
    with Results(tmp_path / "r.db") as results:
        plan = planner(results, engine, Wish(0.5, 0.01)).largest()
    assert plan.answer.point.settings == ("network.servers=120",)
    assert plan.answer.verdict(Wish(0.5, 0.01)) == "yes"


@pytest.mark.parametrize(
    "late, says",
    [
        (0.02, "more V never surely deployed fewer tasks or made fewer frames late among"),
        (-0.005, "more V does not deploy fewer tasks or make fewer frames late, but it does from network.servers=120"),
    ],
)
def test_of_a_share_more_may_make_frames_late_and_the_answer_does_not_say_otherwise(tmp_path, late, says):
    wish = Wish(0.5, 0.01)
    engine = Known(lambda servers, label: servers / 200, late=lambda servers: 0.005 + (late if servers > 120 else 0))
    with Results(tmp_path / "r.db") as results:
        search = planner(results, engine, wish, "1:121" if late > 0 else "1,120,121")
        text = _as_text(search, search.largest(), wish, "V", largest=True, random=False)
    assert says in text and "worse" not in text


def test_departed_tasks_count_as_deployed_and_evicted_ones_do_not(tmp_path):
    class Mixed(Known):
        def outcomes(self, cells):
            for cell in cells:
                counts = {"arrived_tasks": 10, "deployed_tasks": 3, "departed_tasks": 4, "evicted_tasks": 2}
                yield cell, Outcome({"status": "done", "end_s": 1.0} | counts, {})

    with Results(tmp_path / "r.db") as results:
        plan = planner(results, Mixed(None), Wish(0.7), values="4:4").fewest()
    assert plan.answer is not None and plan.steps[0].deployed.mean == 0.7


def test_where_no_task_arrives_there_is_no_share(tmp_path):
    class Empty(Known):
        def outcomes(self, cells):
            for cell in cells:
                counts = {"arrived_tasks": 0, "deployed_tasks": 0, "departed_tasks": 0}
                yield cell, Outcome({"status": "done", "end_s": 1.0} | counts, {})

    none = pytest.raises(CutlayerError, match=r"network\.servers=200: no task arrives, so no share of them is deployed")
    with Results(tmp_path / "r.db") as results, none:
        planner(results, Empty(None), Wish(0.9)).fewest()


def test_what_stays_unclear_takes_more_seeds_and_does_not_count_as_enough(tmp_path):
    engine = Known(lambda servers, label: 0.95 if servers == 3 else 0.99 if servers > 3 else 0.5, spread=0.01)
    with Results(tmp_path / "r.db") as results:
        plan = planner(results, engine, Wish(0.95), "1:8").fewest()
    unclear = [step for step in plan.steps if step.verdict(Wish(0.95)) == "unclear"]
    assert [(step.point.settings, step.seeds) for step in unclear] == [(("network.servers=3",), 40)]
    assert plan.answer.point.settings == ("network.servers=4",)


def test_shares_are_shown_within_0_and_100_percent_and_judged_as_they_are(tmp_path):
    with Results(tmp_path / "r.db") as results:
        made = planner(results, Known(lambda servers, label: 1.0), Wish(0.0, 1.0))
        step = Step(0, made.points[0], 10, Interval(0.9, 0.5, 1.3, 10), Interval(0.1, -0.4, 0.6, 10))
        said = made.said(step)
    assert "90.0% [50.0%, 100.0%] of the tasks deployed, 10.00% [0.00%, 60.00%] of the frames late" in said
    assert step.verdict(Wish(0.5)) == "yes" and step.deployed.high == 1.3


def test_where_more_is_surely_worse_it_is_told():
    def step(at, low, high):
        return Step(at, None, 5, Interval((low + high) / 2, low, high, 5), None)

    fine = Plan([step(9, 0.9, 1.0), step(1, 0.5, 0.6), step(5, 0.55, 0.7)])
    assert fine.surprises() == []
    odd = Plan([*fine.steps, step(3, 0.8, 0.9)])
    assert [(less.at, more.at) for less, more in odd.surprises()] == [(3, 5)]


@pytest.mark.parametrize("short, settings", [
    ("uplink", ["network.capacity=1e6 GFLOP/s", "network.uplink=2 Mbit/s"]),
    ("compute", ["network.capacity=20 GFLOP/s", "network.uplink=100 Gbit/s"]),
])  # fmt: skip
def test_what_is_short_is_what_was_made_short(short, settings):
    point = grid_of("paper", ["workload.tasks=60", "network.servers=5", *settings], ["scheduler=offline"]).points[0]
    shares = short_of(point, "offline")
    assert shares[short] > 0.9 and np.isclose(sum(shares.values()), 1)
