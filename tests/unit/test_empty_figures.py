"""Results in which nothing happened, or no time passed, give figures, pages and lines as any others do."""

import matplotlib.pyplot as plt
import pytest
from runs_by_hand import rows, run, series, written

from cutlayer.experiments.cli.main import main
from cutlayer.experiments.figures.plot import axes, plot

NONE = {"frames": 0, "delivered": 0, "lost": 0, "in_flight": 0, "violations": 0, "unstable_slices": 0}
TASK = {"task": "a", "arrival_s": 0.0, "deadline_s": 0.2, "frame_rate_hz": 1.0, "profile": "p", "outcome": "deployed"}
QUANTILES = [f"transfer_{name}_s" for name in ("p50", "p95", "p99", "p99_9", "mean", "max")]


def framed(latency_s=None, lost=0, **more):
    """Return a run with one task of 5 frames that all are lost, all took as long, or never were."""
    delivered = 0 if latency_s is None else 5
    counts = {**NONE, "frames": delivered + lost, "delivered": delivered, "lost": lost}
    windows = [
        {**counts, "time_s": t, "transfer_mean_s": latency_s, "transfer_max_s": latency_s}
        for t in more.pop("at", (0, 1))
    ]
    known = {} if latency_s is None else dict.fromkeys(QUANTILES, latency_s)
    tables = {
        "series": series((0.0, 1)), "tasks": rows("tasks", TASK), "frame_series": rows("frame_series", *windows),
        "frames": rows("frames", {"task": "a", "server": "s", **counts, **known}),
        "series_by": rows("series_by", *(
            {"time_s": 0.0, "resource": kind, "resource_name": "s", "reserved_bps": 0.0, "reserved_flop_per_s": 0.0}
            for kind in ("server", "link")
        )),
        "frame_series_by": rows("frame_series_by", {"time_s": 0.0, "resource": "link", "resource_name": "s"}),
    }  # fmt: skip
    return run(**{"end_s": 2.0, "arrived_tasks": 1, "deployed_tasks": 1, **counts, **more}), tables


def swept(**more):
    return [
        (run(scheduler, seed=seed, scenario={"network": {"servers": n}}, **more), {})
        for scheduler in ("fifo", "lbf") for n in (1, 2) for seed in (0, 1)
    ]  # fmt: skip


EMPTY = {
    "no task": [(run(end_s=0.0), {"series": series((0.0, 0))})],
    "no frame": [framed()],
    "one window": [framed(at=(0,))],
    "no time": [framed(end_s=0.0, at=(0,))],
    "all lost": [framed(lost=3)],
    "all equal": [framed(0.1, seed=seed) for seed in range(3)],
    "no latency": [framed(0.0)],
    "one seed of two delivers": [framed(seed=0), framed(0.1, seed=1)],
    "a sweep without frames": swept(arrived_tasks=1, **NONE),
    "a sweep without tasks": swept(end_s=0.0, bound_tasks=0.0),
}


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


@pytest.fixture(params=EMPTY)
def empty(request, tmp_path):
    with written(tmp_path / "empty.db", *EMPTY[request.param]):
        pass
    return tmp_path / "empty.db"


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("more", [(), ("--paper",)])
def test_every_figure_is_drawn(empty, capsys, more):
    assert main(["plot", str(empty), *more]) == 0
    out = capsys.readouterr()
    assert out.out.count(".png\n") >= 1 and "Warning" not in out.err


def test_every_verb_ends_well_or_in_one_line(empty, capsys):
    for argv in (["report", empty], ["results", empty], ["export", empty, "--out", empty.parent / "x"]):
        assert main([str(word) for word in argv]) == 0, argv
    capsys.readouterr()
    for argv in (["timeline", empty, "-q"], ["explain", empty, "a", "-q"]):
        assert main([str(word) for word in argv]) in (0, 2), argv
        assert capsys.readouterr().err.count("\n") <= 1


@pytest.mark.parametrize("figure", ["late", "latency", "tail"])
@pytest.mark.parametrize("case", ["no frame", "all lost"])
def test_figures_of_frames_tell_that_none_was_delivered(tmp_path, case, figure):
    with written(tmp_path / "r.db", *EMPTY[case]) as results:
        drawn = axes(results, figure)
    assert "no frame was delivered" in [text.get_text() for text in drawn.texts]


def test_a_sweep_tells_so_too_and_does_not_call_it_0_percent(tmp_path):
    with written(tmp_path / "r.db", *EMPTY["a sweep without frames"]) as results:
        drawn = axes(results, "sweep-late")
    assert not drawn.lines and [text.get_text() for text in drawn.texts] == ["no frame was delivered"]


def test_a_mean_of_late_frames_is_over_the_seeds_that_delivered_some(tmp_path):
    def seen(seed, n, delivered, late):
        counts = {**NONE, "delivered": delivered, "violations": late}
        return run(seed=seed, scenario={"network": {"servers": n}}, arrived_tasks=1, **counts), {}

    runs = [seen(0, 1, 0, 0), seen(1, 1, 10, 5), seen(0, 2, 0, 0), seen(1, 2, 0, 0)]
    with written(tmp_path / "r.db", *runs) as results:
        (line,) = axes(results, "sweep-late").lines
    assert (list(line.get_xdata()), list(line.get_ydata())) == ([1], [50])


def test_results_without_anything_to_draw_are_one_line(tmp_path):
    from cutlayer.simulator.errors import InputError

    with written(tmp_path / "r.db", (run(), {})):
        pass
    with pytest.raises(InputError, match="nothing in it can be drawn"):
        plot(tmp_path / "r.db")
