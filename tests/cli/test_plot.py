"""``cutlayer plot`` draws what is there, says what is not, and gives the same bytes for the same results."""

from __future__ import annotations

import struct

import pytest
from user_files import assert_one_line, command

from cutlayer.experiments.cli.verbs import plot as verb
from cutlayer.experiments.figures.plot import KINDS

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


def size(path):
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
    widths = {path.stem: size(path)[0] for path in files.path("f").iterdir()}
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
