"""``cutlayer explain``: the story of a task, from the results alone. Numbers by hand, as in `test_run`."""

import pytest
from user_files import assert_one_line


@pytest.fixture
def explain(files, cutlayer):
    cutlayer(files.argv("--cut-rule", "fixed(1)"))
    return lambda *argv: cutlayer(["explain", str(files.path("run.db")), *argv])


def test_a_task_that_pushed_another_out_says_what_was_short_and_whom_it_cost(explain):
    out = explain("t3").out
    # t1 and t2 hold 20 kbit/s each of the 40: nothing is left for the 20 of cut 1
    assert "it had least room on link a (0 bit/s free)" in out
    assert "cut 1     needs 20 kbit/s, 50 kFLOP/s: 20 kbit/s short at link a" in out
    assert "cut 2     needs 4 kbit/s, 250 kFLOP/s: 4 kbit/s short at link a" in out
    assert "2 s: deployed at cut 1, after evicting t1" in out


def test_an_evicted_task_says_for_whom(explain):
    out = explain("t1").out
    assert "0 s: deployed at cut 1" in out
    assert "2 s: evicted, so that t3 could be deployed at cut 1" in out


def test_a_departed_task_says_when(explain):
    assert "2.5 s: departed at the end of its life" in explain("t2").out


def test_a_rejected_task_says_why(files, cutlayer):
    cutlayer(files.argv(scheduler="cloud"))
    out = cutlayer(["explain", str(files.path("run.db")), "t2"]).out
    assert "raw input needs 40 kbit/s, 0 FLOP/s: 40 kbit/s short at link a" in out
    assert "1 s: rejected: the raw input does not fit (cut 0 was considered first)" in out


def test_every_run_of_the_file_is_told_unless_one_is_chosen(files, cutlayer, explain):
    cutlayer(files.argv(scheduler="cloud"))
    assert explain("t1").out.count("came; it had least room") == 2
    assert explain("t1", "--run", "cloud").out.count("came; it had least room") == 1


def test_what_is_not_there_is_said_in_one_line(files, cutlayer, explain):
    assert_one_line(explain("t33"), "run.db", "unknown task 't33'", "did you mean 't3'?")
    assert_one_line(explain("t1", "--run", "clowd"), "unknown run 'clowd'")
    assert_one_line(cutlayer(["explain", str(files.path("none.db")), "t1"]), "none.db", "no such results file")
