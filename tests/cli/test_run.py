"""``cutlayer run`` on a user's own files. The verdicts are worked out by hand:

every task puts 1,000 bytes a frame into each of two servers of 40 kbit/s and 1 MFLOP/s, five times a second.
Cut 1 of `small` takes 20 kbit/s and 50 kFLOP/s, its cut 2 takes 4 kbit/s and 250 kFLOP/s; the one cut of `wide`
takes 16 kbit/s and 10 kFLOP/s; raw input takes 40 kbit/s. t2 leaves 1.5 s after it came.
"""

import json
import shutil

import pytest
from user_files import SERVERS, TASKS, assert_one_line, command, rows, same_but_for_the_machine

from cutlayer.simulator.results.tables import TABLES

DEPLOYED_1, DEPLOYED_2 = ("deployed", 1), ("deployed", 2)
DEPARTED_1, DEPARTED_2 = ("departed", 1), ("departed", 2)
EVICTED_1, REJECTED = ("evicted", 1), ("rejected", None)

BALANCED = {"t1": DEPLOYED_2, "t2": DEPARTED_2, "t3": DEPLOYED_2, "t4": DEPLOYED_1}
# t3 finds the uplinks full and pushes out t1, deployed longest ago; t4 comes after t2 has left
FIRST_CUT = {"t1": EVICTED_1, "t2": DEPARTED_1, "t3": DEPLOYED_1, "t4": DEPLOYED_1}
# a plan takes tasks as staying: after t1 and t2 the uplinks are full
FIRST_CUT_PLANNED = {"t1": DEPLOYED_1, "t2": DEPARTED_1, "t3": REJECTED, "t4": REJECTED}
NOBODY = dict.fromkeys(BALANCED, REJECTED)


def test_json_is_the_whole_standard_output(files):
    done = command(*files.argv("--json"), cwd=files.folder)
    assert (done.status, done.err) == (0, "")
    assert done.out.count("\n") == 1
    assert done.json == {
        "deployed": 3,
        "bound": pytest.approx(3, rel=1e-6),  # t2 has left by then
        "gap": pytest.approx(0, abs=1e-6),
        "tasks": {name: {"verdict": verdict, "cut": cut} for name, (verdict, cut) in BALANCED.items()},
    }


def test_text_counts_the_outcomes_and_names_the_results_file_last(files):
    done = command(*files.argv(), cwd=files.folder)
    assert (done.status, done.err) == (0, "")
    assert "4 tasks arrived" in done.out and "3 deployed, 1 departed, 0 rejected, 0 evicted" in done.out
    # t1, t3: 4 kbit/s and t4: 16 kbit/s at two servers; 2 x 250 and 10 kFLOP/s at two servers
    assert "48 kbit/s" in done.out and "1.02 MFLOP/s" in done.out
    assert done.out.splitlines()[-1] == str(files.path("run.db"))


@pytest.mark.parametrize(
    "scheduler, options, expected",
    [
        ("fifo", [], BALANCED),
        ("fifo", ["--cut-rule", "fixed(1)"], FIRST_CUT),
        ("fifo", ["--cut-rule", "fixed", "--cut", "1"], FIRST_CUT),
        # r * l is 5 at both cuts of `small`: the smaller one goes first
        ("fifo", ["--cut-rule", "largest-product"], FIRST_CUT),
        ("fixed", ["--cut", "1"], FIRST_CUT_PLANNED),
        ("fixed", ["--option", "cut=1"], FIRST_CUT_PLANNED),
        # 28 kbit/s and 250 kFLOP/s are left for t4, whose network has one layer
        ("fixed", ["--cut", "9"], BALANCED),
        # raw input fills the uplinks
        ("cloud", [], NOBODY | {"t1": ("deployed", 0)}),
        ("cloud", ["--usable-share", "0.99"], NOBODY),
        ("fifo", ["--usable-share", "0.05"], NOBODY),
        # a margin of a half: 30 kbit/s at cut 1, 24 kbit/s for t4
        ("fixed", ["--cut", "1", "--reservation-margin", "0.5"], NOBODY | {"t1": DEPLOYED_1}),
    ],
)
def test_options_reach_the_simulation(files, cutlayer, scheduler, options, expected):
    assert cutlayer(files.argv("--json", *options, scheduler=scheduler)).verdicts == expected


def test_frames_that_come_faster_than_their_deadline_need_more_unless_told_otherwise(files, cutlayer):
    files.write("tasks.csv", TASKS.replace("small,5,", "small,10,"))
    # cut 1 of `small`: 40 kbit/s keep up with 10 frames a second, 20 kbit/s meet the deadline of one alone
    for reservation, expected in (("sustained", NOBODY | {"t1": DEPLOYED_1}), ("deadline", FIRST_CUT_PLANNED)):
        done = cutlayer(files.argv("--json", "--cut", "1", "--reservation", reservation, scheduler="fixed"))
        assert done.verdicts == expected


@pytest.mark.parametrize("admission", ["threshold", "printed"])
def test_both_admissions_run_and_are_told_apart_in_the_results(files, cutlayer, admission):
    assert cutlayer(files.argv("--admission", admission, scheduler="threshold")).status == 0
    assert [row["scheduler"] for row in rows(files.path("run.db"))] == [f"threshold(admission={admission})"]


def test_until_lets_the_last_departure_happen(files, cutlayer):
    files.edit("tasks.csv", "t4,3,wide,5,0.2,,", "t4,3,wide,5,0.2,4,")
    assert cutlayer(files.argv("--json")).verdicts["t4"] == DEPLOYED_1
    assert cutlayer(files.argv("--json", "--until", "7")).verdicts["t4"] == DEPARTED_1
    assert [row["end_s"] for row in rows(files.path("run.db"))] == [3.0, 7.0]


def test_series_by_resource_are_kept_on_request(files, cutlayer):
    cutlayer(files.argv())
    assert rows(files.path("run.db"), "series_by") == []
    cutlayer(files.argv("--by-resource"))
    assert {row["resource_name"] for row in rows(files.path("run.db"), "series_by")} == {"a", "b"}


def test_the_shipped_profiles_are_used_without_a_folder(files, cutlayer):
    files.write("tasks.csv", TASKS.replace("small", "alexnet").replace("wide", "lenet-5"))
    argv = files.argv("--json")
    at = argv.index("--profiles")
    assert cutlayer(argv[:at] + argv[at + 2 :]).status == 0


def test_one_changed_number_changes_the_answer(files, cutlayer):
    before = cutlayer(files.argv("--json")).verdicts
    files.edit("servers.csv", "a,1e6,40e3", "a,1e6,3e3")  # less than the 4 kbit/s of cut 2
    assert cutlayer(files.argv("--json")).verdicts == dict.fromkeys(before, REJECTED)
    assert len(rows(files.path("run.db"))) == 2


def test_a_run_done_twice_is_there_once_and_equal(files, cutlayer):
    cutlayer(files.argv())
    first = same_but_for_the_machine(files.path("run.db"))
    cutlayer(files.argv())
    second = same_but_for_the_machine(files.path("run.db"))
    for tables in (first, second):
        for table in tables.values():
            for row in table:
                row.pop("run", None)  # the number of a run in the file, not a result
    assert first == second and len(first["runs"]) == 1 and len(first["tasks"]) == 4


def test_two_runs_share_a_file(files, cutlayer):
    for scheduler in ("fifo", "lbf"):
        cutlayer(files.argv(scheduler=scheduler))
    assert [row["scheduler"] for row in rows(files.path("run.db"))] == ["fifo", "lbf"]
    assert len(rows(files.path("run.db"), "tasks")) == 8


def test_where_the_files_lie_is_no_part_of_the_key(files, cutlayer, monkeypatch):
    moved = files.folder / "moved"
    moved.mkdir()
    for name in ("servers.csv", "tasks.csv", "inputs.csv", "profiles"):
        copy = shutil.copytree if files.path(name).is_dir() else shutil.copy
        copy(files.path(name), moved / name)
    cutlayer(files.argv())
    monkeypatch.chdir(moved)
    argv = ["run", "--network", "servers.csv", "--tasks", "tasks.csv", "--inputs", "inputs.csv"]
    done = cutlayer([*argv, "--profiles", "profiles", "--scheduler", "fifo", "--out", "../run.db"])
    assert (done.status, len(rows(files.path("run.db")))) == (0, 1)
    assert json.loads(rows(files.path("run.db"))[0]["paths"])["network.file"] == "servers.csv"


def test_from_any_folder_the_results_are_the_same_to_the_byte(files, cutlayer, monkeypatch):
    files.write(
        "s.toml",
        'scheduler = "fifo"\nnetwork.file = "servers.csv"\n[workload]\nprofile_folder = "profiles"\n'
        'trace = { file = "tasks.csv", inputs = "inputs.csv", format = "native", complete = true }\n',
    )
    (files.folder / "below").mkdir()
    found = []
    for folder, name in ((files.folder, "s.toml"), (files.folder / "below", "../s.toml")):
        monkeypatch.chdir(folder)
        assert cutlayer(["run", name, "--out", "r.db"]).status == 0
        found.append({table: rows(folder / "r.db", table) for table in TABLES})
    one, other = (tables["runs"][0] for tables in found)
    assert [json.loads(row["paths"])["network.file"] for row in (one, other)] == ["servers.csv", "../servers.csv"]
    for row in (one, other):
        for column in ("wall_s", "peak_memory_bytes", "host", "command", "paths"):
            del row[column]
    assert found[0] == found[1]


def test_an_empty_file_made_beforehand_becomes_the_results_file(files, cutlayer):
    files.write("run.db", "")
    assert cutlayer(files.argv()).status == 0
    assert len(rows(files.path("run.db"))) == 1


# A scheduler of one's own ----------------------------------------------------------------------------------


def test_a_scheduler_in_one_file_outside_the_project_runs(files):
    done = command(*files.argv("--json", scheduler="mine.py:MyScheduler"), cwd=files.folder)
    assert (done.status, done.err) == (0, "")
    assert done.verdicts == {"t1": DEPLOYED_2, "t2": REJECTED, "t3": DEPLOYED_2, "t4": REJECTED}
    assert not list(files.folder.glob("**/__pycache__"))  # a user's folder stays as it was


def test_its_parameters_come_from_options(files, cutlayer):
    own = f"{files.path('mine.py')}:MyScheduler"
    done = cutlayer(files.argv("--json", "--option", "every=3", scheduler=own))
    assert [verdict for verdict, _ in done.verdicts.values()] == ["deployed", "rejected", "rejected", "deployed"]
    assert [row["scheduler"] for row in rows(files.path("run.db"))] == [f"{own}(every=3)"]


def test_a_changed_scheduler_is_taken_afresh_and_is_another_run(files, cutlayer):
    own = f"{files.path('mine.py')}:MyScheduler"
    before = cutlayer(files.argv("--json", scheduler=own)).verdicts
    files.edit("mine.py", "every == 1", "every == 0")  # of the same size, within the same second
    after = cutlayer(files.argv("--json", scheduler=own)).verdicts
    assert [a[0] == b[0] for a, b in zip(before.values(), after.values(), strict=True)] == [False] * 4
    assert len(rows(files.path("run.db"))) == 2


def test_what_a_scheduler_prints_keeps_out_of_the_json(files):
    files.edit("mine.py", "        self.seen += 1", "        self.seen += 1\n        print('thinking')")
    files.edit("mine.py", "class", "print('hello')\nclass")
    done = command(*files.argv("--json", scheduler="mine.py:MyScheduler"), cwd=files.folder)
    assert done.json["deployed"] == 2
    assert done.err.split() == ["hello", *["thinking"] * 4]


def test_a_bug_in_a_scheduler_is_a_traceback_and_leaves_no_run(files):
    files.edit("mine.py", "        self.seen += 1", "        self.seen += nothing")
    done = command(*files.argv(scheduler="mine.py:MyScheduler"), cwd=files.folder)
    assert done.status == 1 and "NameError" in done.err
    assert not files.path("run.db").exists()


def test_an_answer_that_does_not_fit_names_task_server_need_and_free(files, cutlayer):
    files.edit("mine.py", "cut = view.first_fit(task, balanced)", "return Deploy(1)")
    done = cutlayer(files.argv(scheduler=f"{files.path('mine.py')}:MyScheduler"))
    assert_one_line(done, "MyScheduler", "task 't3' at cut 1", "link 'a'", "20000 bit/s", "free 0 bit/s")
    assert not files.path("run.db").exists()


def test_check_passes_a_sound_scheduler_and_names_what_another_breaks(files, cutlayer):
    assert cutlayer(["check", "fifo"]).out == "fifo keeps the contract\n"
    files.edit("mine.py", "self.every, self.seen = every, 0", "self.every, self.seen = every, 0; self.f = lambda: 0")
    done = cutlayer(["check", f"{files.path('mine.py')}:MyScheduler"])
    assert done.status == 2 and done.out.strip() and "Traceback" not in done.out + done.err


# Files as they come from spreadsheets and editors ----------------------------------------------------------


def _columns_turned(text):
    return "".join(",".join(reversed(line.split(","))) + "\n" for line in text.splitlines())


ODDITIES = {
    "byte order mark": lambda text: "\ufeff" + text,
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "CR alone": lambda text: text.replace("\n", "\r"),
    "no end of line at the end": lambda text: text.rstrip("\n"),
    "blank lines": lambda text: "\n" + text.replace("\n", "\n\n"),
    "spaces around values": lambda text: text.replace(",", " ,\t"),
    "columns in another order": _columns_turned,
    "quoted fields": lambda text: "".join(
        ",".join(f'"{value}"' for value in line.split(",")) + "\n" for line in text.splitlines()
    ),
    "numbers with plus, point and exponent": lambda text: text.replace("40e3", "+4.E+4").replace("0.2", ".2"),
}


@pytest.mark.parametrize("oddity", ODDITIES)
def test_an_oddity_that_does_no_harm_changes_nothing(files, cutlayer, oddity):
    for name in ("servers.csv", "tasks.csv", "inputs.csv"):
        files.write(name, ODDITIES[oddity](files.path(name).read_text()))
    assert cutlayer(files.argv("--json")).verdicts == BALANCED


def test_names_may_be_words_of_any_script_with_commas_and_quotes(files, cutlayer):
    files.write("servers.csv", SERVERS.replace("a,", '"Köln, Dom",').replace("b,", "東京,", 1))
    files.write("inputs.csv", 'task,server,input_bytes\nt3,"Köln, Dom",1000\nt3,東京,1000\n')
    assert cutlayer(files.argv("--json")).verdicts == BALANCED


def test_a_server_fed_nothing_by_a_task_is_none_of_its_servers(files, cutlayer):
    files.edit("inputs.csv", "t3,b,1000", "t3,b,0")
    assert cutlayer(files.argv()).status == 0
    assert [row["servers"] for row in rows(files.path("run.db"), "tasks")] == [2, 2, 1, 2]


def test_every_hash_seed_gives_the_same_tables(files):
    for seed in ("0", "4242"):
        done = command(*files.argv(scheduler="lbf", out=f"{seed}.db"), cwd=files.folder, PYTHONHASHSEED=seed)
        assert done.status == 0
    tables = [same_but_for_the_machine(files.path(f"{seed}.db")) for seed in ("0", "4242")]
    assert tables[0] == tables[1] and len(tables[0]["tasks"]) == 4
