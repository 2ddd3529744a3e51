"""Results files listed, compared, exported and merged; numbers by hand."""

import csv
import json
import math

import pytest

from cutlayer.experiments.records.compare import as_json, as_text, compare
from cutlayer.experiments.records.export import export
from cutlayer.experiments.records.store import as_text as list_as_text
from cutlayer.experiments.records.store import listed, merge
from cutlayer.experiments.runs.kept_frames import frames_path
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.results.file import Results

T1 = math.tan(0.475 * math.pi)  # Student's 97.5 % quantile with one degree of freedom


def row(scheduler, seed, deployed, servers=4, status="done", **more):
    scenario = {"network": {"servers": servers}, "keep": more.pop("keep", []), "bound": "dual"}
    key = f"{scheduler}-{servers}-{seed}-{scenario['keep']}"
    versions = json.dumps({"cutlayer": "1", "numpy": "2"})
    return {
        "key": key, "scenario": json.dumps(scenario), "scheduler": scheduler, "seed": seed, "status": status,
        "versions": versions, "deployed_tasks": deployed, "arrived_tasks": 10, "evicted_tasks": 0, "wall_s": 1.0,
        "end_s": 10.0,
    } | more  # fmt: skip


@pytest.fixture
def make(tmp_path):
    def made(name, rows, tables=None):
        with Results(tmp_path / name) as results:
            for one in rows:
                results.write(one, tables or {})
        return Results(tmp_path / name)

    return made


def test_a_comparison_pairs_by_scenario_and_seed(make):
    rows = [row("a", 0, 5), row("b", 0, 3), row("b", 1, 10), row("a", 1, 16), row("a", 2, 100), row("b", 0, 7, 8)]
    with make("r.db", rows) as results:
        (pair,) = compare(results, ["a", "b"])
    found, alone = pair.found, pair.alone
    (deployed,) = (one for one in found if one.measure == "deployed_tasks")
    assert alone == 2, "seed 2 of a, and b on 8 servers"
    assert deployed.scenario == {"network.servers": 4}
    assert (deployed.first.mean, deployed.second.mean, deployed.difference.mean) == (10.5, 6.5, 4.0)
    assert deployed.difference.n == 2
    # differences 2 and 6: standard deviation 2 sqrt 2, over sqrt 2
    assert deployed.difference.half_width == pytest.approx(2 * T1)
    assert "evicted_tasks" not in {one.measure for one in found}, "nothing but zeros"
    text = as_text([pair])
    assert "(2 pairs)" in text and "2 runs have no partner" in text and "arrived_tasks" in text
    assert json.loads(as_json([pair]))["without_partner"] == 2


def test_scenarios_that_differ_in_many_keys_are_listed_by_the_first_of_them(make):
    rows = [
        row("a", 0, 5) | {"scenario": json.dumps({"network": {f"k{n}": value for n in range(7)}})} | {"key": str(value)}
        for value in (1, 2)
    ]
    with make("r.db", rows) as results:
        found = listed(results)
    assert found[0]["varies"] == {f"network.k{n}": 1 for n in range(7)}
    line = list_as_text(found).splitlines()[1]
    assert "network.k0=1, network.k1=1, network.k2=1, network.k3=1, 3 more (--json)  a" in line


def test_what_differs_in_the_tables_kept_alone_still_pairs(make):
    with make("r.db", [row("a", 0, 5, keep=["tasks"]), row("b", 0, 3)]) as results:
        (pair,) = compare(results, ["a", "b"])
    assert pair.found[0].difference.n == 1
    assert "one pair, no interval" in as_text([pair])
    assert json.loads(as_json([pair]))["measures"][0]["difference"]["low"] is None


def compared(make, *rows):
    with make("r.db", rows) as results:
        pairs = compare(results, ["a", "b"])
    return as_text(pairs), json.loads(as_json(pairs))


def both(*deployed, **more):
    """Rows of a and b, a pair a seed."""
    pairs = [
        (row("a", seed, ours, **more), row("b", seed, theirs, **more)) for seed, (ours, theirs) in enumerate(deployed)
    ]
    return [one for pair in pairs for one in pair]


@pytest.mark.parametrize(
    "deployed, found, words",
    [
        (
            ((7, 4), (8, 4), (9, 5)),
            "more",
            "a has more tasks deployed at the end than b: by 3.667 tasks [2.232, 5.101]",
        ),
        (
            ((4, 7), (4, 8), (5, 9)),
            "less",
            "b has more tasks deployed at the end than a: by 3.667 tasks [2.232, 5.101]",
        ),
        (
            ((4, 7), (8, 4)),
            "not shown",
            "no difference shown in tasks deployed at the end: -43.97 to +44.97; more seeds",
        ),
        (((4, 4), (5, 5)), "equal", "both have as many tasks deployed at the end, in every pair"),
        (
            ((9, 4),),
            "not shown",
            "no difference shown: a has 5 tasks more deployed at the end, but one pair shows nothing",
        ),
    ],
)
def test_what_is_found_is_said_in_words(make, deployed, found, words):
    """Of 3, 4, 4 the standard error is 1/3 and t(2) = 4.303; of -3 and 4 it is 3.5 and t(1) = 12.71."""
    text, plain = compared(make, *both(*deployed))
    assert text.splitlines()[0].startswith("A = a, B = b; A - B: above 0 A has more.")
    assert f"  {words}" in text.splitlines()[3]
    assert next(one["found"] for one in plain["measures"] if one["measure"] == "deployed_tasks") == found


def test_every_number_has_its_unit(make):
    more = {"reserved_bps": 2.5e6, "reserved_flop_per_s": 1e9, "gap": 0.25, "transfer_mean_s": 0.2, "frames": 20000,
            "delivered": 20000, "violations": 4000, "first_eviction_arrivals": 3, "unstable_slices": 2}  # fmt: skip
    rows = both((7, 4), (8, 4), **more)
    rows[0] |= {"gap": 0.5, "reserved_bps": 4.5e6, "violations": 8000}
    rows[2] |= {"gap": 0.5, "reserved_bps": 4.5e6, "violations": 8000}
    lines = dict(line.split(maxsplit=1) for line in compared(make, *rows)[0].splitlines()[4:])
    assert " ".join(lines["reserved_bps"].split()) == "4.5 Mbit/s - 2.5 Mbit/s = +2 Mbit/s [+2, +2]"
    assert " ".join(lines["gap"].split()) == "50 % - 25 % = +25 percentage points [+25, +25]"
    assert " ".join(lines["late_share"].split()) == "40 % - 20 % = +20 percentage points [+20, +20]"
    assert " ".join(lines["frames"].split()) == "20,000 frames - 20,000 frames = equal in every pair"
    for measure, unit in (("deployed_tasks", "tasks"), ("reserved_flop_per_s", "GFLOP/s"), ("transfer_mean_s", "s"),
                          ("first_eviction_arrivals", "arrivals"), ("unstable_slices", "slices")):  # fmt: skip
        first, second, _ = lines[measure].replace(" = ", " - ").split(" - ", 2)
        assert first.split()[1] == second.split()[1] == unit, lines[measure]


def test_what_is_impossible_is_not_in_the_interval_of_a_mean(make):
    _, plain = compared(make, *both((0, 4), (8, 4), gap=0.9))
    first = next(one["first"] for one in plain["measures"] if one["measure"] == "deployed_tasks")
    assert (first["mean"], first["low"]) == (4.0, 0.0)


@pytest.mark.parametrize("bound, reached", [(5.9, True), (6.1, False), (None, False)])
def test_where_all_reach_the_bound_there_is_nothing_to_compare(make, bound, reached):
    """With a bound of 5.9 nobody has six tasks; with 6.1 somebody might."""
    text, plain = compared(make, *both((5, 5), (5, 5), bound_tasks=bound))
    assert ("both reach the bound in every pair, so there is nothing to compare" in text) is reached
    assert {one["at_the_bound"] for one in plain["measures"]} == {reached}


@pytest.mark.parametrize(
    "rows, says",
    [
        ([row("a", 0, 5), row("b", 1, 5)], "never with the same seed"),
        ([row("a", 0, 5), row("b", 0, 5, servers=5)], "never run on the same scenario"),
        ([row("a", 0, 5)], "unknown scheduler 'b'"),
        ([row("a", 0, 5), row("b", 0, 5, status="failed")], "no run of b is done: all have failed"),
        ([], "has no runs that are done"),
    ],
)
def test_what_cannot_be_paired_is_refused_with_the_reason(make, tmp_path, rows, says):
    with make("r.db", rows or [row("a", 0, 1, status="failed")]) as results, pytest.raises(InputError) as caught:
        compare(results, ["a", "b"])
    assert says in str(caught.value)


def test_a_file_is_listed_by_scenario_and_scheduler(make):
    rows = [row("a", seed, 5) for seed in (0, 1, 2, 7)]
    rows += [row("a", 3, None, status="failed", error="no room"), row("b", 0, 5, servers=9)]
    with make("r.db", rows) as results:
        found = listed(results)
    assert [(g["scheduler"], g["varies"], g["seeds"], g["done"], g["failed"]) for g in found] == [
        ("a", {"network.servers": 4}, [0, 1, 2, 3, 7], 4, 1),
        ("b", {"network.servers": 9}, [0], 1, 0),
    ]
    text = list_as_text(found)
    assert "0-3,7" in text and "failed: a: no room" in text


SERIES = {"series": [(0.0, 1, 1, 0, 0, 0, 5.5, 7.25), (1.5, 2, 1, 0, 1, 0, 5.5, 0.1)]}


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_an_export_has_every_value_under_its_name(make, tmp_path, form):
    with make("r.db", [row("a", 0, 5), row("b", 1, 6)], SERIES) as results:
        written = export(results, tmp_path / "out", form)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [f"runs.{form}", f"series.{form}"]
    assert len(written) == 2
    if form == "csv":
        with open(tmp_path / "out/series.csv", newline="") as file:
            found = list(csv.DictReader(file))
    else:
        parquet = pytest.importorskip("pyarrow.parquet")
        found = parquet.read_table(tmp_path / "out/series.parquet").to_pylist()
    assert [(line["key"], float(line["time_s"]), float(line["reserved_flop_per_s"])) for line in found] == [
        ("a-4-0-[]", 0.0, 7.25), ("a-4-0-[]", 1.5, 0.1), ("b-4-1-[]", 0.0, 7.25), ("b-4-1-[]", 1.5, 0.1)
    ]  # fmt: skip


def test_an_export_that_cannot_be_is_refused(make, tmp_path):
    (tmp_path / "file").write_text("")
    with make("r.db", [row("a", 0, 5)]) as results:
        with pytest.raises(InputError, match="allowed: csv, parquet"):
            export(results, tmp_path / "out", "xlsx")
        with pytest.raises(InputError, match="cannot be written"):
            export(results, tmp_path / "file")
        with pytest.raises(InputError, match="--out is empty"):
            export(results, "")


def test_an_export_beside_a_table_of_an_older_one_is_refused_and_changes_nothing(make, tmp_path):
    with make("old.db", [row("a", 0, 5)], SERIES) as results:
        export(results, tmp_path / "out")
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    refused = pytest.raises(InputError, match=r"out: has series\.csv of an older export")
    with make("new.db", [row("b", 0, 6)]) as results, refused:
        export(results, tmp_path / "out")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    with make("old.db", []) as results:
        assert len(export(results, tmp_path / "out")) == 2, "the same tables again are replaced"


def test_an_export_is_of_one_moment_while_another_writes(make, tmp_path):
    make("r.db", [row("a", 0, 5)], SERIES)

    class Meanwhile(Results):
        """Another process adds a run each time before a table is read."""

        added = 0

        def rows(self, table, key=None):
            with Results(self.path) as other:
                self.added += 1
                other.write(row("b", self.added, 6), SERIES)
            return super().rows(table, key)

    with Meanwhile(tmp_path / "r.db") as results:
        export(results, tmp_path / "out")
    runs, series = ((tmp_path / f"out/{table}.csv").read_text().splitlines() for table in ("runs", "series"))
    assert results.added > 2 and (len(runs), len(series)) == (1 + 1, 1 + 2)


def test_where_there_are_no_runs_nothing_is_exported_and_no_folder_made(tmp_path):
    (tmp_path / "r.db").touch()
    with Results(tmp_path / "r.db", must_exist=True) as results, pytest.raises(InputError, match=r"r\.db: has no runs"):
        export(results, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_merge_takes_what_is_missing_and_counts_equal_runs_once(make, tmp_path):
    same = row("a", 0, 5)
    with (
        make("one.db", [same, row("a", 1, 6)], SERIES) as one,
        make("two.db", [same | {"wall_s": 9.0, "host": "other"}, row("b", 0, 7)], SERIES) as two,
        Results(tmp_path / "out.db") as out,
    ):
        assert merge(out, [one, two]) == (3, 1)
        assert merge(out, [two, one]) == (0, 4), "again: nothing twice"
        assert out.keys() == one.keys() | two.keys()
        for table in ("runs", "series"):
            for file in (one, two):
                for key in file.keys() - {same["key"]}:
                    left, right = ([r | {"run": 0} for r in part.rows(table, key)] for part in (out, file))
                    assert left == right and left


def test_a_merge_takes_the_frames_that_were_kept_beside_a_file_and_leaves_no_draft(make, tmp_path):
    (tmp_path / "more").mkdir()
    frames_path(str(tmp_path / "one.db"), "a-4-0-[]").write_bytes(b"frames")
    with make("one.db", [row("a", 0, 5), row("a", 1, 6)]) as one, Results(tmp_path / "more" / "out.db") as out:
        assert merge(out, [one]) == (2, 0)
    kept = frames_path(out.path, "a-4-0-[]")
    assert kept.read_bytes() == b"frames"
    assert {path.name for path in kept.parent.glob("*.npz*")} == {kept.name}
    assert not list(kept.parent.glob(".*"))


def test_a_merge_takes_a_part_of_one_moment_while_another_writes_it(make, tmp_path):
    make("one.db", [row("a", 0, 5), row("a", 1, 6)], SERIES)

    class Meanwhile(Results):
        """Another process writes a run anew, and adds one, each time before something is read."""

        added = 1

        def rows(self, table, key=None):
            with Results(self.path) as other:
                self.added += 1
                other.write(row("b", self.added, 6), SERIES)
                other.write(row("a", 1, 7), {"series": SERIES["series"][:1]})
            return super().rows(table, key)

    with Meanwhile(tmp_path / "one.db") as one, Results(tmp_path / "out.db") as out:
        assert merge(out, [one]) == (2, 0)
        assert [found["deployed_tasks"] for found in out.rows("runs")] == [5, 6]
        assert len(list(out.rows("series"))) == 4
    assert one.added > 4


@pytest.mark.parametrize("where", ["runs", "series", "fewer rows"])
def test_a_merge_of_what_differs_names_it_and_writes_nothing(make, tmp_path, where):
    rows = SERIES["series"]
    tables = {"series": [rows[0], (*rows[1][:-1], 0.2)] if where == "series" else rows[:1]}
    other = row("a", 0, 5 if where != "runs" else 4, keep=["series"])
    with (
        make("one.db", [row("b", 0, 1), row("a", 0, 5, keep=["series"])], SERIES) as one,
        make("two.db", [other], SERIES if where == "runs" else tables) as two,
        Results(tmp_path / "out.db") as out,
    ):
        with pytest.raises(InputError, match=r"two.db: run a-4-0-\['seri is not the same in .*one.db"):
            merge(out, [one, two])
        assert out.keys() == set() and not (tmp_path / "out.db").exists()


def test_in_a_merge_a_run_that_is_done_goes_before_one_that_failed(make, tmp_path):
    failed = row("a", 0, None, status="failed", error="no room")
    for name, parts in (("x.db", ["bad.db", "good.db"]), ("y.db", ["good.db", "bad.db"])):
        make("bad.db", [failed])
        make("good.db", [row("a", 0, 5)])
        with Results(tmp_path / name) as out:
            opened = [Results(tmp_path / part) for part in parts]
            merge(out, opened)
            merge(out, opened)
            assert [(r["status"], r["deployed_tasks"]) for r in out.rows("runs")] == [("done", 5)]


def test_several_are_compared_at_once_and_their_intervals_hold_together(make):
    """Three pairs: each interval is at 1 - 0.05 / 3, wider than alone; the means stay what they are."""
    deployed = {"a": (5, 16, 9), "b": (3, 10, 8), "c": (4, 4, 1)}
    rows = [row(name, seed, n) for name, own in deployed.items() for seed, n in enumerate(own)]
    with make("r.db", rows) as results:
        first, every, alone = (
            compare(results, names, every_pair=every_pair)
            for names, every_pair in (("abc", False), ("", True), ("ab", False))
        )
    assert [(pair.first, pair.second) for pair in first] == [("a", "b"), ("a", "c")]
    assert [(pair.first, pair.second) for pair in every] == [("a", "b"), ("a", "c"), ("b", "c")]
    difference = [
        next(one.difference for one in pairs[0].found if one.measure == "deployed_tasks")
        for pairs in (alone, first, every)
    ]
    assert [found.mean for found in difference] == [3.0] * 3
    spread = math.sqrt(7 / 3)  # of 2, 6 and 1 about 3, over sqrt 3
    for found, pairs in zip(difference, (1, 2, 3), strict=True):
        assert found.half_width == pytest.approx(student(1 - 0.05 / pairs) * spread, rel=1e-9)
    text = as_text(every)
    assert "hold together at 95 % (Bonferroni: 3 pairs, 98.33 % each)" in text
    assert text.count("A = ") == 3 and "\nA = b, B = c\n" in text
    told = json.loads(as_json(every))
    assert (told["simultaneous"], len(told["comparisons"])) == (0.95, 3)


def student(level):
    """Return the quantile of Student's t with two degrees of freedom, which has a closed form."""
    p = (1 + level) / 2
    return (2 * p - 1) * math.sqrt(2 / (4 * p * (1 - p)))


@pytest.mark.parametrize(
    "names, told",
    [
        (["a"], "'a' alone cannot be compared"),
        (["a", "b", "a"], "'a' is named twice"),
        (["a", "bb"], "unknown scheduler"),
    ],
)
def test_what_cannot_be_compared_is_told_in_a_line(make, names, told):
    with make("r.db", both((1, 2))) as results, pytest.raises(InputError, match=told):
        compare(results, names)


def test_where_all_numbers_are_zero_that_is_told(make):
    nothing = {"arrived_tasks": 0, "end_s": 0.0}
    with make("r.db", [row(name, 0, 0) | nothing for name in "ab"]) as results:
        assert "all numbers of all runs are 0" in as_text(compare(results, ["a", "b"]))
