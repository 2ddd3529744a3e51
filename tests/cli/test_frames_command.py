"""``cutlayer run --frames``: the small network of `user_files`, every slice being 0.2 s a frame by hand.

A slice is 8 d r * max(1/Q, f) = 8 d r * 5 bit/s wide, so a frame of mean size takes 1/5 s in it.
"""

import io
import os
import subprocess

import numpy as np
import pytest
from user_files import TASKS, assert_one_line, python, rows

from cutlayer.simulator.errors import InputError
from cutlayer.simulator.results.file import Results

UNTIL = ("--frames", "periodic", "--until", "13")


def frame_rows(files):
    return rows(files.path("run.db"), "frames")


def test_every_frame_ends_in_one_way_and_the_totals_add_up(files, cutlayer):
    assert cutlayer(files.argv(*UNTIL)).status == 0
    (run,) = rows(files.path("run.db"))
    assert run["frames"] == run["delivered"] + run["lost"] + run["in_flight"] > 0
    for name in ("frames", "delivered", "lost", "in_flight", "violations"):
        assert run[name] == sum(row[name] for row in frame_rows(files)), name
    emitted = {(row["task"], row["server"]): row["frames"] for row in frame_rows(files)}
    # t1 is there for 13 s, t3 for 11 s, t4 for 10 s: five frames a second at each server; t2 for 1.5 s
    assert {name: n for (name, _), n in emitted.items() if name != "t2"} == {"t1": 65, "t3": 55, "t4": 50}
    assert all(emitted["t2", server] in (7, 8) for server in "ab")


def test_constant_periodic_frames_take_exactly_their_slice(files, cutlayer):
    # nobody leaves: where a task leaves, the frames of the others come sooner out of compute than before, and a
    # slice without slack never catches up with that
    files.edit("tasks.csv", "0.2,1.5,2e3", "0.2,,2e3")
    cutlayer(files.argv(*UNTIL))
    for row in frame_rows(files):
        assert row["transfer_mean_s"] == pytest.approx(0.2, rel=1e-9)
        assert row["transfer_max_s"] == pytest.approx(0.2, rel=1e-9)
        assert (row["violations"], row["unstable"]) == (0, 0)
        parts = ("compute_wait_s", "compute_service_s", "uplink_wait_s", "uplink_service_s", "propagation_s", "cloud_s")
        assert row["end_to_end_mean_s"] == pytest.approx(sum(row[name] for name in parts))


def test_an_uplink_that_gives_half_of_what_is_reserved_takes_twice_as_long_and_is_said_to_be_unstable(files, cutlayer):
    # from 3 s on t1, t3 (4 kbit/s each) and t4 (16) hold 24 kbit/s of each uplink
    files.write("capacity.csv", "link,time_s,bps\na,0,40e3\na,5,12e3\n")
    done = cutlayer(files.argv(*UNTIL, "--capacity", str(files.path("capacity.csv"))))
    unstable = sum(row["unstable"] for row in frame_rows(files))
    assert unstable > 1 and f"\n{unstable} slices are unstable: frames arrive faster than they leave\n" in done.out
    slow = {row["task"]: row for row in frame_rows(files) if row["server"] == "a"}
    well = {row["task"]: row for row in frame_rows(files) if row["server"] == "b"}
    assert slow["t4"]["violations"] > 0 == well["t4"]["violations"]
    assert slow["t4"]["uplink_load"] > 1 and slow["t4"]["unstable"] == 1
    assert slow["t4"]["transfer_max_s"] > 2 * well["t4"]["transfer_max_s"]


def test_one_unstable_slice_is_one(files, cutlayer):
    files.write("tasks.csv", "".join(line for line in TASKS.splitlines(True) if line.startswith(("task,", "t3"))))
    files.write("capacity.csv", "link,time_s,bps\na,0,2e3\n")  # of the 4 kbit/s that t3 holds there
    done = cutlayer(files.argv(*UNTIL, "--capacity", str(files.path("capacity.csv"))))
    assert "\n1 slice is unstable: frames arrive faster than they leave\n" in done.out


def test_frames_of_an_outage_wait_or_are_lost_as_asked(files, cutlayer):
    files.write("outages.csv", "resource,name,down_s,up_s\nlink,a,6,7\n")
    outages = ("--outages", str(files.path("outages.csv")))
    cutlayer(files.argv(*UNTIL, *outages, "--on-outage", "drop"))
    (dropped,) = rows(files.path("run.db"))
    cutlayer(files.argv(*UNTIL, *outages, out="held.db"))
    (held,) = rows(files.path("held.db"))
    # in that second t1, t3 and t4 emit five frames each at server a, and one each is on its way when it begins
    assert 15 <= dropped["lost"] <= 18
    assert held["lost"] == 0 and held["violations"] > 0
    assert held["frames"] == dropped["frames"]


def test_kept_frames_are_all_of_them_and_make_the_quantiles_exact(files, cutlayer):
    done = cutlayer(files.argv("--frames", "poisson", "--until", "200", "--keep-frames", "--reservation-margin", "0.5"))
    (run,) = rows(files.path("run.db"))
    path = files.path(f"run.{run['key'][:12]}.frames.npz")
    assert str(path) in done.out
    with np.load(path) as kept:
        assert len(kept["arrival_s"]) == run["frames"]
        for row in frame_rows(files):
            task, server = list(kept["tasks"]).index(row["task"]), list(kept["servers"]).index(row["server"])
            own = kept["transfer_s"][(kept["task"] == task) & (kept["server"] == server) & (kept["fate"] == 0)]
            assert row["delivered"] == len(own)
            for share, column in ((0.5, "transfer_p50_s"), (0.99, "transfer_p99_s")):
                assert row[column] == np.sort(own)[int(np.ceil(share * len(own))) - 1]


def test_windows_of_time_add_up_to_the_run(files, cutlayer):
    cutlayer(files.argv(*UNTIL, "--window", "2"))
    (run,) = rows(files.path("run.db"))
    series = rows(files.path("run.db"), "frame_series")
    assert [row["time_s"] for row in series] == [0, 2, 4, 6, 8, 10, 12]
    for name in ("frames", "delivered", "lost", "violations"):
        assert sum(row[name] for row in series) == run[name]


def test_the_same_seed_gives_the_same_frames_and_another_seed_others(files, cutlayer):
    tables = []
    for out, seed in (("a.db", "1"), ("b.db", "1"), ("c.db", "2")):
        cutlayer(files.argv("--frames", "poisson", "--until", "50", "--seed", seed, out=out))
        tables.append([{**row, "run": 0} for row in rows(files.path(out), "frames")])
    assert tables[0] == tables[1] != tables[2]


def test_without_frames_nothing_about_them_is_kept(files, cutlayer):
    cutlayer(files.argv())
    (run,) = rows(files.path("run.db"))
    assert run["frames"] is None
    assert frame_rows(files) == []


def test_without_frames_nothing_is_loaded_that_only_frames_need(files):
    for argv, code in (
        (files.argv(), "from cutlayer.experiments.cli.main import main; assert main(sys.argv[1:]) == 0"),
        ((), "import cutlayer.experiments.paper.sweep_servers, cutlayer.experiments.runs.cell"),
    ):
        slow = {"numba", "cutlayer.simulator.frames.run", "cutlayer.simulator.frames.walk.reserved"}
        asked = f"import sys; {code}; print({slow} & {{*sys.modules}})"
        done = python("-c", asked, *argv, cwd=files.folder)
        assert (done.status, done.out.splitlines()[-1]) == (0, "set()")


KEPT = ("--frames", "periodic", "--until", "13", "--keep-frames")


def test_a_file_of_kept_frames_that_is_broken_is_said_to_be(files, cutlayer):
    cutlayer(files.argv(*KEPT))
    (path,) = files.folder.glob("*.frames.npz")
    whole = path.read_bytes()
    at = whole.index(b"transfer_s.npy") + 200  # in the middle of one array's compressed bytes
    other = io.BytesIO()
    np.save(other, np.zeros(3))
    scratched = whole[:at] + b"\xff" * 60 + whole[at + 60 :]
    for content in (b"", whole[:100], whole[:-1000], scratched, b"no frames", other.getvalue()):
        path.write_bytes(content)
        done = cutlayer(["plot", str(files.path("run.db")), "--what", "tail", "--out", str(files.path("figures"))])
        assert_one_line(done, f"{path.name}: cannot be read (")
    path.write_bytes(whole)
    assert cutlayer(["plot", str(files.path("run.db")), "--what", "tail"]).status == 0


def test_frames_of_a_run_that_could_not_be_written_do_not_stay_nor_do_those_of_a_run_that_is_there_go(
    files, cutlayer, monkeypatch
):
    def full(results, run, tables):
        raise InputError("cannot be written (database or disk is full)", results.path)

    before = files.everything()
    with monkeypatch.context() as patch:
        patch.setattr(Results, "write", full)
        assert_one_line(cutlayer(files.argv(*KEPT)), "run.db: cannot be written")
    assert files.everything() == before
    assert cutlayer(files.argv(*KEPT)).status == 0
    there = files.everything()
    monkeypatch.setattr(Results, "write", full)
    assert_one_line(cutlayer(files.argv(*KEPT)), "run.db: cannot be written")
    assert files.everything() == there


def test_drafts_of_frames_whose_process_was_killed_go_with_the_next_run(files, cutlayer):
    gone = subprocess.Popen(["true"])
    gone.wait()
    left = f".run.0123456789ab.frames.npz.{gone.pid}.tmp"
    others = [f".run.0123456789ab.frames.npz.{os.getpid()}.tmp", f".other.0123456789ab.frames.npz.{gone.pid}.tmp"]
    for name in (left, *others):
        files.write(name, "half of the frames")
    assert cutlayer(files.argv()).status == 0
    assert not files.path(left).exists()
    assert all(files.path(name).exists() for name in others)


CAPACITY, OUTAGES = "link,time_s,bps\n", "resource,name,down_s,up_s\n"


@pytest.mark.parametrize(
    "option, content, says",
    [
        ("--capacity", CAPACITY + "a,0,1e6\na,5,2e6\na,4,1e6\n", (":4:", "goes back from 5.0 to 4.0 s")),
        ("--capacity", CAPACITY + "a,0,1e6\na,0,2e6\n", (":3:", "duplicate time 0.0 s")),
        ("--capacity", CAPACITY + "a,0,-1\n", (":2:", "bps", "'-1'")),
        ("--capacity", CAPACITY + "a,0,nan\n", (":2:", "bps", "'nan'")),
        ("--capacity", CAPACITY + "a,0,\n", (":2:", "bps", "''")),
        ("--capacity", CAPACITY + "a,1,1e6\n", (":2:", "1.0 s, a gap", "allowed: a first time of 0 s")),
        ("--capacity", CAPACITY + "c,0,1e6\n", (":2:", "unknown link 'c'", "known: a, b")),
        ("--capacity", "link,time,bps\na,0,1\n", (":1:", "unknown column 'time'", "did you mean 'time_s'?")),
        ("--load", CAPACITY, ("no rows",)),
        ("--outages", OUTAGES + "server,a,5,4\n", (":2:", "5.0", "4.0")),
        ("--outages", OUTAGES + "servr,a,4,5\n", (":2:", "unknown resource 'servr'", "did you mean 'server'?")),
        ("--outages", OUTAGES + "link,x,4,5\n", (":2:", "unknown link 'x'")),
        ("--outages", OUTAGES + "link,a,4\n", (":2:", "3 values for 4 columns")),
    ],
)
def test_a_broken_file_of_conditions_is_refused_with_its_line(files, cutlayer, option, content, says):
    files.write("broken.csv", content)
    done = cutlayer(files.argv(*UNTIL, option, str(files.path("broken.csv"))))
    assert_one_line(done, "broken.csv", *says)
    assert not files.path("run.db").exists()


@pytest.mark.parametrize(
    "options, says",
    [
        (("--frames", "poison"), ("unknown arrivals 'poison'", "did you mean 'poisson'?")),
        (("--frames", "jittered", "--jitter", "2"), ("jitter is 2.0", "0 to 1")),
        (("--frames", "periodic", "--sizes", "lognormal"), ("size_cv", "above 0")),
        (("--frames", "periodic", "--sharing", "fare"), ("unknown sharing 'fare'", "known: fair")),
        (("--frames", "periodic", "--window", "0"), ("--window is 0.0", "above 0")),
        (("--frames", "periodic", "--sizes", "lognormal", "--size-cv", "1e200"), ("--size-cv is 1e+200", "to 1e+06")),
        (("--frames", "periodic", "--propagation", "-1"), ("--propagation is -1.0",)),
        (("--frames", "periodic", "--window", "1e-9"), ("--window is 1e-09, 3e+09 windows", "or more here [s]")),
        (("--frames", "periodic", "--set", "frames.window='1e-9 s'"), ("frames.window is 1e-09,", "or more here [s]")),
        (("--jitter", "0.5"), ("need --frames",)),
        (("--keep-frames",), ("need --frames",)),
    ],
)
def test_a_setting_that_is_not_allowed_is_refused(files, cutlayer, options, says):
    assert_one_line(cutlayer(files.argv(*options)), *says)
    assert not files.path("run.db").exists()
