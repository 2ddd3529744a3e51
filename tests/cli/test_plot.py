"""``cutlayer plot`` draws what is there, says what is not, and gives the same bytes for the same results."""

from __future__ import annotations

import re
import struct

import pytest
from matplotlib import rc_context
from matplotlib.figure import Figure
from user_files import assert_one_line, command

from cutlayer.experiments.cli.verbs import plot as verb
from cutlayer.experiments.figures.drawings import draw_panels
from cutlayer.experiments.figures.plot import KINDS, axes
from cutlayer.experiments.figures.style import PAPER_STYLE, STYLE
from cutlayer.experiments.records.run_groups import chosen_rows, group_runs
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.results.file import Results

PLAIN = ["deployed", "reserved"]
FRAMES = ("--frames", "poisson", "--until", "60", "--window", "5")


@pytest.fixture
def results(files, cutlayer):
    """Two schedulers with everything kept but single frames."""
    for scheduler in ("fifo", "lbf"):
        assert cutlayer(files.argv(*FRAMES, "--by-resource", scheduler=scheduler)).status == 0
    return files.path("run.db")


def drawn(folder):
    return sorted(path.name for path in folder.iterdir())


def size_of(path):
    """Return width and height of a PNG, which stand in its header."""
    return struct.unpack(">II", path.read_bytes()[16:24])


def test_the_help_names_every_figure():
    assert verb.WHAT.split(", ") == list(KINDS)


def test_everything_that_is_there_is_drawn_and_the_rest_said(results, cutlayer):
    done = cutlayer(["plot", str(results)])
    folder = results.with_name("run-figures")
    assert done.status == 0
    assert done.out.splitlines() == [str(path) for path in map(folder.joinpath, (
        "deployed.png", "reserved.png", *(("used.png",) if "used.png" in drawn(folder) else ()), "late.png",
        "latency.png", "tail.png", "heatmap-fifo.png", "heatmap-lbf.png", "map-fifo.png", "map-lbf.png",
    ))]  # fmt: skip
    assert sorted(done.out.splitlines()) == [str(folder / name) for name in drawn(folder)]
    assert "not drawn: sweep (no number varies between the runs)" in done.err


def test_chosen_runs_and_figures_alone_are_drawn(results, files, cutlayer):
    out = files.path("mine")
    done = cutlayer(["plot", str(results), "--runs", "lbf", "--what", "heatmap,deployed", "--out", str(out)])
    assert (done.status, done.err) == (0, "")
    assert drawn(out) == ["deployed.png", "heatmap.png"]


def test_a_figure_is_written_in_every_format_asked_for(results, files, cutlayer):
    done = cutlayer(
        ["plot", str(results), "--what", "deployed", "--format", "svg,pdf,png", "--out", str(files.path("f"))]
    )
    assert done.status == 0
    starts = {path.suffix: path.read_bytes()[:4] for path in files.path("f").iterdir()}
    assert starts == {".svg": b"<?xm", ".pdf": b"%PDF", ".png": b"\x89PNG"}


def test_on_paper_a_figure_is_as_wide_as_a_column_or_the_page(results, files, cutlayer):
    """At 300 dots an inch 3.5 in are 1,050 dots and 7.16 in 2,148."""
    argv = ["plot", str(results), "--what", "deployed,reserved,heatmap,map", "--paper", "--out", str(files.path("f"))]
    assert cutlayer(argv).status == 0
    widths = {path.stem: size_of(path)[0] for path in files.path("f").iterdir()}
    assert widths == {
        "deployed": 1050, "reserved": 2148, "heatmap-fifo": 2148, "heatmap-lbf": 2148, "map-fifo": 1050,
        "map-lbf": 1050,
    }  # fmt: skip


def test_the_same_results_give_the_same_bytes_in_any_process(results, files):
    for name, hash_seed in (("one", "1"), ("two", "2")):
        argv = (
            "plot",
            str(results),
            "--format",
            "png,svg,pdf",
            "--out",
            name,
            "--what",
            "latency,heatmap",
        )
        assert command(*argv, cwd=files.folder, PYTHONHASHSEED=hash_seed).status == 0
    one, two = files.path("one"), files.path("two")
    assert drawn(one) == drawn(two) and len(drawn(one)) == 9
    assert all((one / name).read_bytes() == (two / name).read_bytes() for name in drawn(one))


def test_single_frames_give_exact_tails_and_quantiles_over_time(files, cutlayer):
    assert cutlayer(files.argv(*FRAMES, "--keep-frames")).status == 0
    done = cutlayer(["plot", str(files.path("run.db")), "--what", "tail,latency"])
    assert (done.status, done.err) == (0, "")


def test_all_that_is_not_drawn_is_one_line_with_what_they_have_in_common(files, cutlayer):
    assert cutlayer(files.argv()).status == 0
    done = cutlayer(["plot", str(files.path("run.db"))])
    (line,) = done.err.splitlines()
    assert line.startswith("not drawn: ") and line.count("not drawn") == 1
    assert "late, latency (no latency over time)" in line
    assert "heatmap, map (no servers and links one by one)" in line
    assert line.endswith("; --what NAME tells what would keep it")


@pytest.mark.parametrize(
    "argv, says",
    [
        (["--what", "latency"], "run.db: latency: no latency over time in the results: `--window SECONDS` keeps it"),
        (["--what", "tail"], "`--frames periodic`"),
        (["--what", "heatmap"], "`--by-resource` keeps them"),
        (["--what", "deployd"], "unknown figure 'deployd'; did you mean 'deployed'?"),
        (["--format", "jpg"], "unknown format 'jpg'"),
        (["--runs", "fif"], "unknown run 'fif'; did you mean 'fifo'?"),
        (["--out", "tasks.csv"], "tasks.csv: cannot be written"),
    ],
)
def test_what_cannot_be_drawn_is_one_line_and_nothing_is_written(files, cutlayer, monkeypatch, argv, says):
    monkeypatch.chdir(files.folder)
    assert cutlayer(files.argv()).status == 0
    before = set(files.everything())
    done = cutlayer(["plot", "run.db", "-q", *argv])
    assert_one_line(done, "cutlayer plot: ", says)
    assert {name for name in files.everything() if not name.endswith(("-shm", "-wal"))} == before


@pytest.mark.parametrize("name", ["nowhere.db", "tasks.csv"])
def test_what_is_no_results_file_is_one_line(files, cutlayer, monkeypatch, name):
    monkeypatch.chdir(files.folder)
    for verb_name in ("plot", "report", "timeline"):
        assert_one_line(cutlayer([verb_name, name]), f"cutlayer {verb_name}: {name}: ")


def texts(svg):
    """Return the texts of an SVG, which matplotlib leaves beside each as a comment."""
    return re.findall(r"<!-- (.*?) -->", svg.read_text(encoding="utf-8"))


def test_lists_of_runs_may_have_commas_as_those_of_figures(results, files, cutlayer):
    for runs in (["fifo,lbf"], ["fifo", "lbf"], ["fifo,", "lbf"]):
        out = files.path("-".join(runs))
        assert cutlayer(["plot", str(results), "--what", "map", "--runs", *runs, "--out", str(out)]).status == 0
        assert drawn(out) == ["map-fifo.png", "map-lbf.png"]
    assert cutlayer(["report", str(results), "--runs", "fifo,lbf"]).status == 0


def test_lines_have_the_names_the_order_and_the_title_a_user_wants(results, files, cutlayer):
    argv = ["plot", str(results), "--what", "deployed,map", "--format", "svg", "--out", str(files.path("f"))]
    more = ["--labels", "fifo=First in, first out", "lbf=$L$", "--order", "lbf,fifo", "--title", "Mine"]
    assert cutlayer([*argv, *more]).status == 0
    found = texts(files.path("f") / "deployed.svg")
    assert [text for text in found if text in ("First in, first out", "$L$", "fifo", "lbf", "Mine")] == [
        "Mine", "$L$", "First in, first out",
    ]  # fmt: skip
    assert drawn(files.path("f")) == ["deployed.svg", "map-first-in-first-out.svg", "map-l.svg"]
    assert cutlayer([*argv, "--title", "none"]).status == 0
    assert not {"Deployed tasks", "none"} & set(texts(files.path("f") / "deployed.svg"))


@pytest.mark.parametrize("size, dots", [("3.4x2.2in", (680, 440)), ("50.8 x 76.2 mm", (400, 600))])
def test_a_figure_is_as_large_as_asked_for(results, files, cutlayer, size, dots):
    """Of 200 dots an inch."""
    argv = ["plot", str(results), "--what", "deployed,heatmap,map", "--size", size, "--out", str(files.path("f"))]
    assert cutlayer(argv).status == 0
    assert {size_of(path) for path in files.path("f").iterdir()} == {dots}


@pytest.mark.parametrize(
    "argv, says",
    [
        (["--size", "3.4"], "--size '3.4'; allowed: width x height in in, cm or mm"),
        (["--size", "0x2in"], "from 1 to 40 in"),
        (["--labels", "fifo"], "--labels 'fifo'; allowed: NAME=LABEL"),
        (["--order", "fif"], "unknown line 'fif'; did you mean 'fifo'?"),
        (["--labels", "fif=F"], "unknown line 'fif'; did you mean 'fifo'?"),
        (["--what=--"], "unknown figure '--'"),
    ],
)
def test_a_wish_that_makes_no_sense_is_one_line(results, cutlayer, argv, says):
    assert_one_line(cutlayer(["plot", str(results), "--what", "deployed", *argv]), "cutlayer plot: ", says)


def test_two_dashes_are_a_value_where_one_is_due(results, files, cutlayer, monkeypatch):
    monkeypatch.chdir(files.folder)
    assert cutlayer(["plot", str(results), "--what", "deployed", "--out=--"]).out == "--/deployed.png\n"
    assert_one_line(cutlayer(["explain", str(results), "--", "--"]), "unknown task '--'")
    assert_one_line(cutlayer(["plot", str(results), "--out", "--"]), "argument --out: expected one argument")


def test_on_paper_the_curves_have_the_most_of_the_height(results, files):
    """Legend and notes took a third."""
    with Results(results) as opened, rc_context(STYLE | PAPER_STYLE):
        groups = group_runs(chosen_rows(opened))
        for name in ("deployed", "latency", "tail", "reserved"):
            figure = draw_panels(KINDS[name].build(opened, groups), True)
            figure.draw_without_rendering()
            assert min(one.get_position().height for one in figure.axes) > 0.65 - 0.05 * (name == "reserved"), name


def test_one_figure_on_axes_of_ones_own(results):
    own = Figure().subplots()
    assert axes(results, "deployed", own, labels={"fifo": "F"}, title="T") is own
    assert [text.get_text() for text in own.get_legend().get_texts()] == ["F", "lbf"]
    assert (own.get_title(loc="left"), own.get_xlabel()) == ("T", "time [s]")
    assert len(axes(results, "latency", Figure().subplots(), runs=["lbf"]).lines) >= 1
    assert axes(results, "reserved-uplink", Figure().subplots()).get_ylabel().startswith("reserved uplink")
    assert (
        axes(results, "heatmap-uplink", Figure().subplots(), runs=["lbf"]).get_title(loc="left")
        == "lbf: reserved uplink"
    )
    assert axes(results, "map", Figure().subplots(), runs=["lbf"]).get_title(loc="left").startswith("lbf: mean")


@pytest.mark.parametrize(
    "what, says",
    [
        ("reserved", "figure 'reserved' has 2 panels; allowed: one of reserved-compute, reserved-uplink"),
        ("reserved-power", "figure 'reserved-power' is none of its panels"),
        ("map", "figure 'map' has 2 panels"),
        ("deployd", "did you mean 'deployed'?"),
        ("sweep", "sweep: no number varies"),
    ],
)
def test_a_figure_that_is_not_one_is_told(results, what, says):
    with pytest.raises(InputError, match=re.escape(says)):
        axes(results, what)


def test_of_a_scenario_edited_and_run_again_the_newest_is_first_and_what_differs_is_said(files, cutlayer):
    """By the same command, and not so in a sweep: there the order is that of the values."""
    assert cutlayer(["scenario", "init", "--out", str(files.path("s.toml"))]).status == 0
    text = re.sub("(?m)^tasks = .*", "tasks = 5", files.path("s.toml").read_text())
    for margin in ("0", "0.5", "0.25"):
        files.path("s.toml").write_text(re.sub("reservation_margin = .*", f"reservation_margin = {margin}", text))
        assert command("run", "s.toml", "--scheduler", "fifo", "--out", "run.db", cwd=files.folder).status == 0
    argv = ["plot", str(files.path("run.db")), "--what", "deployed", "--format", "svg", "--out", str(files.path("f"))]
    assert cutlayer(argv).status == 0
    found = [text for text in texts(files.path("f") / "deployed.svg") if text.startswith("fifo")]
    assert found == [f"fifo, reservation margin {margin}" for margin in ("0.25", "0.5", "0")]
