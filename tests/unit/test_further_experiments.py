"""The experiments beyond the paper's figures, on grids small enough for a test."""

import pytest

from cutlayer.experiments.paper import headroom, margin, optimality, regimes, reservation
from cutlayer.experiments.paper.study import open_study


@pytest.fixture
def study(tmp_path):
    with open_study(tmp_path, 2) as opened:
        yield opened


def test_a_larger_usable_share_deploys_more_and_violates_more_which_two_seeds_do_not_show(tmp_path):
    small = ("network.servers=10", "run.until=8 s")
    with open_study(tmp_path, 2, settings=small) as study:
        assert [claim.verdict for claim in headroom.run.run(study, (0.5, 1.0))] == ["not shown"]
    with open_study(tmp_path, 10, settings=small) as study:
        (claim,) = headroom.run.run(study, (0.5, 1.0))
        assert claim.verdict == "holds", claim.measured
        assert [path.name for path in study.files] == ["headroom.png", "headroom.svg"]


def test_the_printed_reservation_collapses_above_the_rate_of_the_deadline_and_the_sustained_one_holds(study):
    study.settings = ("network.servers=5", "workload.tasks=20")
    printed, sustained = reservation.run.run(study, (4.0, 5.0, 5.5))
    assert (printed.verdict, sustained.verdict) == ("does not hold", "holds")
    late = printed.numbers["late"]
    assert late[4.0] == late[5.0] == 0 and late[5.5] > 0.9


def test_poisson_arrivals_of_varying_size_need_the_largest_margin(study):
    study.settings = ("run.until=100 s",)
    claims = {claim.says.split(" frames")[0]: claim.numbers for claim in margin.run.run(study)}
    needed = {kind: numbers["0.99"] for kind, numbers in claims.items()}
    assert needed["Poisson, exponential"] == max(needed.values())
    assert needed["jittered, constant"] == min(needed.values())
    # a frame waits for at most one other where jitter is below a period: half the time each is enough
    assert needed["jittered, constant"] <= 1.0


def test_no_scheduler_beats_the_bound(study):
    study.settings = ("workload.tasks=150",)
    claims = optimality.run.run(study, (5,))
    assert len(claims) == len(optimality.SCHEDULERS)
    for seed in study.seeds:
        rows = [row for row in study.results.rows("runs") if row["seed"] == seed and '"servers": 5,' in row["scenario"]]
        measured = {row["scheduler"]: row["deployed_tasks"] for row in rows}
        assert len(measured) == len(optimality.SCHEDULERS)
        assert measured["price"] >= max(measured.values())
    for row in study.results.rows("runs"):
        if row["scheduler"]:
            assert row["deployed_tasks"] <= row["bound_tasks"] * (1 + 1e-9)
            assert row["gap"] == pytest.approx(1 - row["deployed_tasks"] / row["bound_tasks"])


def test_maps_have_a_margin_at_every_point_of_the_grid(study):
    claims = regimes.run.run(study, (5.0,), (0.8,))
    assert [len(claim.numbers["margins"]) for claim in claims] == [len(regimes.SPREADS)] * len(regimes.CLAIMS)
    assert {path.suffix for path in study.files} == {".png", ".svg"}
