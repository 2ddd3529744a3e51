"""A scenario file says what a run is given: units, defaults, files laid over files, and back to text without loss."""

from __future__ import annotations

import json
import math
import pickle
import string

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutlayer.experiments.scenarios.fields import EXAMPLES, written
from cutlayer.experiments.scenarios.messages import ScenarioError
from cutlayer.experiments.scenarios.scenario import SHIPPED, load, shipped
from cutlayer.experiments.scenarios.text import SCHEMA_FILE, schema_text, template, to_toml
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.units import UNITS, parse


def write(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def scenario(folder, text="", settings=()):
    return load(write(folder, "s.toml", text or "[run]\n"), settings)


def same_tasks(one, other):
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        assert (a.name, a.arrival_s, a.profile, a.frame_rate_hz, a.deadline_s, a.lifetime_s) == (
            b.name, b.arrival_s, b.profile, b.frame_rate_hz, b.deadline_s, b.lifetime_s,
        )  # fmt: skip
        assert a.servers.tolist() == b.servers.tolist() and a.input_bytes.tolist() == b.input_bytes.tolist()


# The paper --------------------------------------------------------------------------------------------------


# Units, defaults, settings ----------------------------------------------------------------------------------


def test_quantities_are_text_with_units_and_si_inside(tmp_path):
    said = scenario(tmp_path, '[network]\nuplink = ["10 Mbit/s", "1 Gbit/s"]\n[workload]\ndeadline = "200 ms"\n')
    assert said.network.uplink == (10e6, 1e9)
    assert said.workload.deadline.value == 0.2


def test_a_number_without_its_unit_is_refused_and_the_message_shows_one(tmp_path):
    with pytest.raises(ScenarioError, match=r"s\.toml: workload\.deadline is 0\.2; allowed: a quantity in s as text"):
        scenario(tmp_path, "[workload]\ndeadline = 0.2\n")
    with pytest.raises(ScenarioError, match=r"network\.cloud is 5; allowed: text with a number and its unit.*GFLOP/s"):
        scenario(tmp_path, "[network]\ncloud = 5\n")


@given(
    value=st.floats(1e-50, 1e50) | st.floats(1e-3, 1e13).map(lambda x: float(f"{x:.3g}")),
    unit=st.sampled_from(sorted(EXAMPLES)),
)
def test_a_quantity_is_written_as_the_text_that_reads_as_exactly_it(value, unit):
    assert parse(written(value, unit), unit) == value


def test_every_unit_of_a_scenario_has_an_example_that_reads():
    assert set(EXAMPLES) <= set(UNITS)
    for unit, example in EXAMPLES.items():
        assert parse(example, unit) > 0


def test_settings_go_before_the_file_and_name_their_key_when_they_are_wrong(tmp_path):
    text = "[workload]\ntasks = 3\n"
    assert scenario(tmp_path, text, ["workload.tasks=5"]).workload.tasks == 5
    assert scenario(tmp_path, text).with_settings(["workload.tasks=6"]).workload.tasks == 6
    with pytest.raises(ScenarioError, match=r"^--set: unknown key 'workload\.task'; did you mean 'tasks'\?$"):
        scenario(tmp_path, text).with_settings(["workload.task=6"])
    with pytest.raises(InputError, match="--set 'x'; allowed: KEY=VALUE"):
        scenario(tmp_path, text, ["x"])


def test_with_settings_leaves_what_was_said_as_it_was(tmp_path):
    first = scenario(tmp_path, '[network]\nservers = 4\n[workload]\nspread = "one"\n')
    changed = first.with_settings(["network.servers=5"])
    assert (first.network.servers, changed.network.servers, changed.workload.spread) == (4, 5, "one")
    assert changed.with_settings(["network.servers=4"]) == first


def test_a_scheduler_is_a_name_a_table_or_several(tmp_path):
    for text, labels in (
        ('scheduler = "fifo"', ["fifo"]),
        ('scheduler = { name = "fixed", cut = 3 }', ["fixed(cut=3)"]),
        ('scheduler = ["lbf", { name = "fixed", cut = 3 }]', ["lbf", "fixed(cut=3)"]),
        ('[[scheduler]]\nname = "cloud"', ["cloud"]),
        ("", []),
    ):
        assert scenario(tmp_path, text).labels == labels
    assert scenario(tmp_path, 'scheduler = ["lbf", "fifo"]', ["scheduler=offline"]).labels == ["offline"]


# Files ------------------------------------------------------------------------------------------------------


def test_an_included_file_is_laid_under_and_its_files_are_relative_to_it(tmp_path):
    write(tmp_path, "net/servers.csv", "server,capacity_flop_per_s,uplink_bps\na,1e9,1e6\nb,1e9,2e6\n")
    write(tmp_path, "net/base.toml", '[network]\nfile = "servers.csv"\n[workload]\ntasks = 2\ndeadline = "1 s"\n')
    said = scenario(tmp_path, 'include = "net/base.toml"\n[workload]\ntasks = 3\n')
    assert (said.workload.tasks, said.workload.deadline.value) == (3, 1.0)
    assert said.inputs(0).network.servers == ("a", "b")


def test_a_table_of_another_kind_takes_the_place_of_the_old_one(tmp_path):
    write(tmp_path, "base.toml", '[workload]\narrivals = { process = "periodic", interval = "2 s" }\ntasks = 4\n')
    said = scenario(tmp_path, 'include = "base.toml"\n[workload]\narrivals = { process = "poisson", rate = "3 Hz" }\n')
    assert said.workload.arrivals.built().rate_hz == 3.0
    assert said.workload.tasks == 4


def test_a_trace_takes_the_place_of_generated_arrivals_and_the_other_way_round(tmp_path):
    write(tmp_path, "t.csv", "arrival_s\n0\n5\n")
    write(tmp_path, "base.toml", "[workload]\ntasks = 9\n")
    said = scenario(tmp_path, 'include = "base.toml"\n[workload]\ntrace = "t.csv"\n')
    assert [task.arrival_s for task in said.inputs(0).tasks] == [0.0, 5.0]
    assert len(said.with_settings(["workload.tasks=3"]).inputs(0).tasks) == 3


def test_traces_in_brackets_arrive_together_in_order(tmp_path):
    write(tmp_path, "a.csv", "arrival_s\n0\n4\n4\n9\n")
    write(tmp_path, "b.csv", "arrival_s\n1\n4\n10\n")
    said = scenario(tmp_path, '[workload]\ntrace = ["a.csv", { file = "b.csv", end = "5 s" }]\n')
    tasks = said.inputs(0).tasks
    assert [task.arrival_s for task in tasks] == [0, 1, 4, 4, 4, 9]
    assert len({task.name for task in tasks}) == 6


def test_a_setting_of_the_trace_reaches_every_trace_in_brackets_and_one_that_names_a_file_replaces_them(tmp_path):
    write(tmp_path, "a.csv", "arrival_s\n0\n4\n4\n9\n")
    write(tmp_path, "b.csv", "arrival_s\n1\n4\n10\n")
    for text, wanted in (
        ('[workload]\ntrace = ["a.csv", { file = "b.csv", begin = "1 s" }]\n', 4),
        ('[workload]\ntrace = ["a.csv"]\n', 2),
        ('[workload]\ntrace = "a.csv"\n', 2),
    ):
        assert len(scenario(tmp_path, text, ["workload.trace.tasks=2"]).inputs(0).tasks) == wanted
    said = scenario(tmp_path, '[workload]\ntrace = ["a.csv", "b.csv"]\n', ["workload.trace.begin=4 s"])
    assert [one.begin for one in said.workload.trace] == [4.0, 4.0]
    assert len(said.with_settings([f"workload.trace.file={tmp_path}/b.csv"]).workload.trace) == 1


def test_columns_of_a_trace_imply_that_it_is_mapped(tmp_path):
    write(tmp_path, "t.csv", "start,other\n0,1\n5,1\n")
    said = scenario(tmp_path, '[workload.trace]\nfile = "t.csv"\ncolumns = { arrival_s = "start" }\n')
    assert [task.arrival_s for task in said.inputs(0).tasks] == [0.0, 5.0]


def test_another_way_to_say_a_graph_or_a_measurement_takes_the_place_of_the_old_one(tmp_path):
    write(tmp_path, "g.graphml", "")
    write(tmp_path, "m.csv", "")
    for was, now in (
        ("network.topology.file='g.graphml'", "network.topology.shape={name='tree', nodes=3}"),
        ("bandwidth.trace='m.csv'", "bandwidth.file='m.csv'"),
        ("bandwidth.file='m.csv'", "bandwidth.links={s0='m.csv'}"),
        ("bandwidth.links={s0='m.csv'}", "bandwidth.trace='m.csv'"),
    ):
        for first, second in ((was, now), (now, was)):
            write(tmp_path, "base.toml", f"{first}\n")
            said = scenario(tmp_path, f'include = "base.toml"\n{second}\n')
            table = said.network.topology if "topology" in was else said.bandwidth
            ways = [name for name in ("file", "shape", "trace", "links") if getattr(table, name, None) is not None]
            assert ways == [second.partition("=")[0].rpartition(".")[2]]


def test_what_a_trace_says_is_not_drawn_and_what_it_lacks_is(tmp_path):
    write(tmp_path, "t.csv", "arrival_s,lifetime_s,profile\n0,3,alexnet\n1,,lenet-5\n")
    said = scenario(tmp_path, '[workload]\ntrace = "t.csv"\nlifetime = "9 s"\nframe_rate = ["1 Hz", "2 Hz"]\n')
    first, second = said.inputs(1).tasks
    assert (first.lifetime_s, second.lifetime_s) == (3.0, math.inf)
    assert (first.profile.name, second.profile.name) == ("alexnet", "lenet-5")
    assert 1 <= first.frame_rate_hz <= 2 != second.frame_rate_hz


def test_a_run_that_ends_before_the_last_arrival_leaves_out_what_arrives_later_and_says_so(tmp_path):
    said = scenario(tmp_path, '[workload]\ntasks = 4\nframe_bytes = "1 kB"\n[run]\nuntil = "2 s"\n').inputs(0)
    assert [task.arrival_s for task in said.tasks] == [0, 1, 2] and said.end_s == 2
    assert said.notes == ("workload: 1 of 4 tasks arrive after run.until (2 s) and are left out",)
    none = scenario(tmp_path, '[workload]\narrivals = { process = "poisson", rate = "1 Hz" }\n[run]\nuntil = "1 us"\n')
    assert none.inputs(0).tasks == []


def test_a_run_may_end_with_the_last_departure(tmp_path):
    text = '[run]\nuntil = "last departure"\n[workload]\ntasks = 3\nlifetime = "10 s"\n'
    assert scenario(tmp_path, text).inputs(0).end_s == 12
    assert scenario(tmp_path, text).as_said()["run"] == {"until": "last departure"}
    with pytest.raises(InputError, match=r'run\.until is "last departure" and all tasks stay for ever'):
        scenario(tmp_path, text.replace('lifetime = "10 s"', "")).inputs(0)


def test_frames_of_a_size_nobody_chose_are_said_to_scale_the_networks_and_may_be_their_own_input(tmp_path):
    text = '[workload]\ntasks = 30\nprofiles = ["alexnet", "lenet-5"]\n'
    (note,) = scenario(tmp_path, text).inputs(0).notes
    assert "frames of 100 kB to 1 MB" in note and "up to 977 times as much" in note  # 1 MB for the 1,024 bytes of LeNet
    own = scenario(tmp_path, text + 'frame_bytes = "native"\n')
    assert own.inputs(0).notes == () and own.as_said()["workload"]["frame_bytes"] == "native"
    found = {task.profile.name: task.frame_bytes for task in own.inputs(0).tasks}
    assert found == pytest.approx({"alexnet": 150528, "lenet-5": 1024}, rel=1e-12)
    with pytest.raises(InputError, match="or native"):
        scenario(tmp_path, text + 'frame_bytes = "nativ"\n')


# What decides a run -----------------------------------------------------------------------------------------


def test_the_description_is_of_what_files_hold_and_not_of_where_they_lie(tmp_path):
    texts = {}
    for folder in ("one", "two"):
        write(tmp_path, f"{folder}/t.csv", "arrival_s\n0\n5\n")
        texts[folder] = scenario(tmp_path / folder, '[workload]\ntrace = "t.csv"\n')
    assert texts["one"].description == texts["two"].description != {}
    assert str(tmp_path) not in json.dumps(texts["one"].description)
    write(tmp_path, "two/t.csv", "arrival_s\n0\n6\n")
    assert texts["one"].description != load(tmp_path / "two" / "s.toml").description


def test_what_is_kept_and_which_scheduler_runs_are_no_part_of_the_description(tmp_path):
    first = scenario(tmp_path, "[frames]\n")
    for setting in ("scheduler=lbf", "run.by_resource=true", "run.bound=lp", "run.seeds=3", "frames.keep=true"):
        assert first.with_settings([setting]).description == first.description
    for setting in ("run.until=9999 s", "frames.window=1 s", "network.servers=3", "workload.spread=one"):
        assert first.with_settings([setting]).description != first.description


def test_equal_scenarios_are_equal_also_after_pickling():
    one, other = load("replay"), load("replay")
    assert one == other == pickle.loads(pickle.dumps(one))
    again = pickle.loads(pickle.dumps(one))
    assert again.inputs(1).network.link_bps.tolist() == one.inputs(1).network.link_bps.tolist()


def test_a_scenario_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        load("paper").network.servers = 3


# To text and back -------------------------------------------------------------------------------------------

NUMBERS = st.floats(1e-3, 1e11, allow_nan=False)


def quantities(unit):
    return NUMBERS.map(lambda value: written(value, unit))


def ranges(unit):
    return quantities(unit) | st.tuples(NUMBERS, NUMBERS).map(lambda ends: [written(end, unit) for end in sorted(ends)])


def distributions(unit):
    tables = st.one_of(
        st.fixed_dictionaries({"distribution": st.just("exponential"), "mean": quantities(unit)}),
        st.fixed_dictionaries(
            {"distribution": st.just("lognormal"), "mean": quantities(unit), "cv": st.floats(0.01, 10)}
        ),
        st.fixed_dictionaries(
            {"distribution": st.just("pareto"), "minimum": quantities(unit), "shape": st.floats(0.5, 9)}
        ),
    )
    return ranges(unit) | tables


PROCESSES = st.one_of(
    st.fixed_dictionaries({"process": st.just("periodic"), "interval": quantities("s")}),
    st.fixed_dictionaries({"process": st.just("poisson"), "rate": quantities("Hz")}),
    st.fixed_dictionaries(
        {"process": st.just("diurnal"), "mean": quantities("Hz"), "swing": st.floats(0, 1)},
        optional={"peak": quantities("s"), "period": quantities("s")},
    ),
    st.fixed_dictionaries(
        {"process": st.just("hourly"), "rates": st.lists(quantities("Hz"), min_size=1, max_size=4)},
    ),
)
SCENARIOS = st.fixed_dictionaries(
    {},
    optional={
        "network": st.fixed_dictionaries(
            {},
            optional={
                "servers": st.integers(1, 10**6),
                "capacity": ranges("FLOP/s"),
                "uplink": ranges("bit/s"),
                "usable_share": st.floats(0.01, 1),
                "reservation": st.sampled_from(["sustained", "deadline"]),
                "reservation_margin": st.floats(0, 100),
                "cloud": quantities("FLOP/s"),
            },
        )
        | st.fixed_dictionaries(
            {
                "topology": st.fixed_dictionaries(
                    {"shape": st.sampled_from([{"name": "tree", "nodes": 7}, {"name": "waxman", "nodes": 9}])},
                    optional={
                        "servers": st.sampled_from(["all", "highest-degree(2)"]) | st.just(["n1", "n2"]),
                        "link_speed": ranges("bit/s"),
                        "route_by": st.sampled_from(["hops", "speed"]),
                    },
                )
            }
        ),
        "workload": st.fixed_dictionaries(
            {},
            optional={
                "tasks": st.integers(1, 10**9),
                "arrivals": PROCESSES,
                "duration": quantities("s"),
                "frame_bytes": distributions("B"),
                "frame_rate": distributions("Hz"),
                "deadline": distributions("s"),
                "lifetime": distributions("s"),
                "profiles": st.just(["alexnet"]) | st.just({"alexnet": 1.0, "lenet-5": 2.5}),
                "spread": st.sampled_from(["all", "one", "nearest(3)"]),
            },
        ),
        "interaction": st.fixed_dictionaries({"share": st.floats(0.01, 2)}, optional={"mean_on": quantities("s")}),
        "faults": st.fixed_dictionaries(
            {"servers": st.fixed_dictionaries({"mean_up": quantities("s"), "mean_down": quantities("s")})}
        ),
        "frames": st.fixed_dictionaries(
            {},
            optional={
                "arrivals": st.sampled_from(["periodic", "poisson"]),
                "window": quantities("s"),
                "propagation": quantities("s"),
                "keep": st.booleans(),
            },
        ),
        "scheduler": st.sampled_from(["fifo", ["fifo", "lbf"], {"name": "fixed", "cut": 2}]),
        "run": st.fixed_dictionaries(
            {}, optional={"seed": st.integers(0, 2**62), "until": quantities("s"), "by_resource": st.booleans()}
        ),
    },
)


@settings(max_examples=150, deadline=None)
@given(data=SCENARIOS)
def test_a_scenario_shown_as_text_loads_to_the_equal_scenario(data, tmp_path_factory):
    import tomli_w

    folder = tmp_path_factory.mktemp("round")
    first = scenario(folder, tomli_w.dumps(data) or "[run]\n")
    shown = write(folder, "shown.toml", to_toml(first))
    again = load(shown)
    assert again == first and again.description == first.description
    assert to_toml(again) == shown.read_text()


def test_files_and_schedulers_of_ones_own_are_shown_so_that_they_are_found_from_anywhere(tmp_path):
    write(tmp_path, "a/t.csv", "arrival_s\n0\n5\n")
    write(
        tmp_path,
        "a/mine.py",
        "from cutlayer.simulator.policy import OnlineScheduler, Reject\n"
        "class Mine(OnlineScheduler):\n    def decide(self, task, view):\n        return Reject('no')\n",
    )
    first = scenario(tmp_path / "a", 'scheduler = "mine.py:Mine"\n[workload]\ntrace = "t.csv"\n')
    again = load(write(tmp_path, "b/shown.toml", to_toml(first)))
    assert again == first


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_scenario_is_clean_and_round(name, tmp_path):
    first = load(name)
    assert load(write(tmp_path, "shown.toml", to_toml(first))) == first
    assert len(list(first.inputs(0).tasks)) > 0
    assert (SHIPPED / f"{name}.toml").read_text().startswith(f"#:schema {SCHEMA_FILE}\n")


# Schema and template ----------------------------------------------------------------------------------------


def test_the_committed_schema_is_that_of_the_models():
    assert (SHIPPED / SCHEMA_FILE).read_text(encoding="utf-8") == schema_text(), "cutlayer scenario schema > it"


def test_the_schema_knows_every_key_and_refuses_others():
    found = json.loads(schema_text())
    assert set(found["properties"]) == {
        "include", "network", "workload", "bandwidth", "interaction", "faults", "frames", "scheduler", "run",
    }  # fmt: skip
    assert found["additionalProperties"] is False
    for name, section in found["$defs"].items():
        assert name in ("SchedulerSection", "ShapeSection") or section["additionalProperties"] is False, name
        for key, what in section["properties"].items():
            known = "description" in what or "const" in what or "$ref" in what or name.endswith("Arrivals")
            assert known, f"{name}.{key} says nothing of itself"


def test_what_the_template_only_hints_at_is_allowed_when_it_is_taken(tmp_path):
    """Every line that is commented out in the template is one of the file's keys or tables."""
    lines = template().splitlines()
    known = json.loads(schema_text())
    keys = {key for section in known["$defs"].values() for key in section["properties"]} | set(known["properties"])
    hints = [line[2:] for line in lines if line.startswith("# ") and (" = " in line or line.startswith("# ["))]
    assert len(hints) > 15
    for hint in hints:
        word = hint.strip("[").split(" ")[0].rstrip("]").split(".")[-1]
        assert word.strip(string.punctuation) in keys, hint


def test_random_starts_of_measurements_differ_by_link_and_repeat_by_seed(tmp_path):
    write(tmp_path, "lte.csv", "1,Mbits/sec\n2,Mbits/sec\n3,Mbits/sec\n4,Mbits/sec\n5,Mbits/sec\n")
    text = '[network]\nservers = 3\n[workload]\ntasks = 20\n[bandwidth]\ntrace = "lte.csv"\nrandom_start = true\n'
    capacity = [scenario(tmp_path, text).inputs(seed).conditions.capacity_bps for seed in (1, 1, 2)]
    values = [[np.round(steps.at([0.0, 10.0]), 3).tolist() for steps in one.values()] for one in capacity]
    assert values[0] == values[1] != values[2]
    assert len({tuple(one) for one in values[0]}) > 1
