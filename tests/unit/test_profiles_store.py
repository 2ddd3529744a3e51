"""Profiles survive the file, and every fault in a file is one line that says where and what."""

import json
import math
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutlayer import profiles as package
from cutlayer.profiles import store
from cutlayer.simulator.errors import InputError
from cutlayer.simulator.types import Layer, Profile

LINES = """\
{
  "schema": 1,
  "name": "two",
  "input": {"shape": [1, 4, 4], "bytes": 16},
  "layers": [
    {"name": "conv1", "flop": 90, "output_shape": [2, 2, 2], "output_bytes": 8},
    {"name": "fc2", "flop": 64, "output_shape": [4], "output_bytes": 4, "time_s": 0.5, "time_spread_s": 0.25}
  ],
  "provenance": {
    "kind": "assumed",
    "note": "made up"
  }
}
"""


def fault(text, tmp_path):
    """Return line and message of the error that loading `text` (or bytes) gives."""
    path = tmp_path / "p.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as caught:
        store.load(path)
    assert caught.value.file == str(path)
    assert "\n" not in str(caught.value)
    return caught.value.line, caught.value.message


def fields(profile):
    return profile, dict(profile.provenance)


@pytest.fixture
def two(tmp_path):
    path = tmp_path / "two.json"
    path.write_text(LINES)
    return store.load(path)


def test_a_profile_is_read_as_it_is_written(two):
    assert two == Profile(
        "two",
        (1, 4, 4),
        16,
        (Layer("conv1", 90, (2, 2, 2), 8), Layer("fc2", 64, (4,), 4, time_s=0.5, time_spread_s=0.25)),
    )
    assert two.provenance == {"kind": "assumed", "note": "made up"}
    assert two.ratio.tolist() == [0.5, 0.25]
    assert two.flop_per_byte.tolist() == [90 / 16, 154 / 16]


def test_a_saved_profile_has_a_layer_a_line(two, tmp_path):
    store.save(two, tmp_path / "again.json")
    assert (tmp_path / "again.json").read_text() == LINES


names = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=8)
sizes = st.integers(1, 10**12) | st.floats(1e-50, 1e50)
times = st.none() | st.just(0.0) | st.floats(1e-50, 1e9)
shapes = st.lists(st.integers(1, 10**6), min_size=1, max_size=4).map(tuple)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text(max_size=5)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
layers = st.builds(Layer, names, st.just(0) | sizes, shapes, sizes, times, times)
provenances = st.builds(
    lambda extra, kind: extra | {"kind": kind},
    st.dictionaries(st.text(max_size=5), plain, max_size=4),
    st.sampled_from(["measured", "assumed"]),
)
profiles = st.builds(Profile, names, shapes, sizes, st.lists(layers, min_size=1, max_size=4).map(tuple), provenances)


@given(profiles)
def test_saving_and_loading_loses_nothing(profile):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "p.json"
        store.save(profile, path)
        first = path.read_bytes()
        loaded = store.load(path)
        assert fields(loaded) == fields(profile)
        assert repr(loaded) == repr(profile)  # 1 stays 1, and 1.0 stays 1.0
        store.save(loaded, path)
        assert path.read_bytes() == first


json_like = st.text(st.sampled_from('{}[]",:0123456789.eE+-\\ \nabnul"namekid'), max_size=60)


@given(json_like | st.binary(max_size=60))
def test_whatever_the_file_holds_the_answer_is_an_input_error(content):
    with tempfile.TemporaryDirectory() as folder:
        fault(content, Path(folder))


@given(st.data())
def test_any_value_replaced_by_another_loads_or_is_an_input_error_with_a_line(data):
    document = json.loads(LINES)
    places = []

    def walk(holder):
        for key in list(holder) if isinstance(holder, dict) else range(len(holder)):
            places.append((holder, key))
            if isinstance(holder[key], (dict, list)):
                walk(holder[key])

    walk(document)
    holder, key = data.draw(st.sampled_from(places))
    holder[key] = data.draw(plain | st.sampled_from([math.nan, math.inf, -1, 10**400]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "p.json"
        path.write_text(json.dumps(document, indent=1))
        try:
            store.load(path)
        except InputError as error:
            assert error.line is not None


FAULTS = [
    ('"schema": 1', '"schema": 2', 2, "schema is 2; allowed: 1"),
    ('"schema": 1', '"schema": true', 2, "schema is True; allowed: 1"),
    ('"schema": 1', '"schema": "1"', 2, "schema is '1'; allowed: 1"),
    ('  "schema": 1,\n', "", 1, "a profile lacks the key 'schema'"),
    ('"name": "two"', '"name": ""', 3, "name is ''; allowed: text in one line, not empty"),
    ('"name": "two"', '"name": "a\\nb"', 3, "name is 'a\\nb'; allowed: text in one line, not empty"),
    ('"name": "two"', '"name": "\\ud800"', 3, "name is '\\ud800'; allowed: text in one line, not empty"),
    ('"name": "two"', '"name": null', 3, "name is None; allowed: text in one line, not empty"),
    ('"name": "two"', '"nmae": "two"', 3, "unknown key of a profile 'nmae'; did you mean 'name'?"),
    ('"bytes": 16', '"bytes": 0', 4, "profile 'two': input bytes is 0; allowed: above 0, finite"),
    ('"bytes": 16', '"bytes": "16"', 4, "bytes is '16'; allowed: a number"),
    (', "bytes": 16', "", 4, "input lacks the key 'bytes'"),
    ("[1, 4, 4]", "[1, 4, 0]", 4, "shape is [1, 4, 0]; allowed: whole numbers above 0, one an axis"),
    ("[1, 4, 4]", "[1, true, 4]", 4, "shape is [1, True, 4]; allowed: whole numbers above 0, one an axis"),
    ("[1, 4, 4]", "[]", 4, "shape is []; allowed: whole numbers above 0, one an axis"),
    ("[1, 4, 4]", "16", 4, "shape is 16; allowed: a list of whole numbers above 0"),
    ('"flop": 90', '"flop": -90', 6, "layer 'conv1': flop is -90; allowed: 0 or more, finite"),
    ('"flop": 90', '"flop": true', 6, "flop is True; allowed: a number"),
    ('"flop": 90', '"flop": NaN', 6, "flop is nan; allowed: finite numbers"),
    ('"flop": 90', '"flop": -Infinity', 6, "flop is -inf; allowed: finite numbers"),
    ('"flop": 90', '"flop": 1e999', 6, "flop is inf; allowed: finite numbers"),
    ('"flop": 90', '"flop": ' + "9" * 5000, 6, "flop is inf; allowed: finite numbers"),
    ('"flop": 90', '"flops": 90', 6, "unknown key of a layer 'flops'; did you mean 'flop'?"),
    ('"flop": 90, ', "", 6, "a layer lacks the key 'flop'"),
    ("[2, 2, 2]", "[2, 2.0]", 6, "output_shape is [2, 2.0]; allowed: whole numbers above 0, one an axis"),
    ('"output_bytes": 4', '"output_bytes": 0', 7, "layer 'fc2': output_bytes is 0; allowed: above 0, finite"),
    ('"output_bytes": 4', '"output_bytes": [4]', 7, "output_bytes is [4]; allowed: a number"),
    ('"time_s": 0.5', '"time_s": -0.5', 7, "layer 'fc2': time_s is -0.5; allowed: 0 or more"),
    ('"time_s": 0.5', '"time_s": null', 7, "time_s is None; allowed: a number"),
    ('"flop": 64', '"flop": 64, "flop": 65', 7, "the key 'flop' stands twice"),
    ('"note": "made up"', '"kind": "measured"', 11, "the key 'kind' stands twice"),
    ('"kind": "assumed"', '"kind": "measurd"', 10, "kind is 'measurd'; did you mean 'measured'?"),
    ('"kind": "assumed"', '"kind": 1', 10, "kind is 1; allowed: measured, assumed"),
    ('    "kind": "assumed",\n', "", 9, "provenance lacks the key 'kind'"),
    ('"made up"', '[1, {"x": NaN}]', 11, "x is nan; allowed: finite numbers"),
    ('"made up"', "[" * 40 + "]" * 40, 11, "nested too deeply; allowed: 32 levels"),
    ('"made up"', "[1,\n\n 2, 3 4]", 13, "not JSON: Expecting ',' delimiter"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "message"), FAULTS)
def test_a_fault_in_a_profile_is_named_with_its_line(old, new, line, message, tmp_path):
    assert LINES.count(old) == 1
    assert fault(LINES.replace(old, new), tmp_path) == (line, message)


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b"", 1, "is empty"),
        (b" \n\n", 1, "is empty"),
        (b"\xef\xbb\xbf{}", 1, "begins with a byte order mark"),
        (LINES.encode("utf-16"), 1, "is not text in UTF-8"),
        (b"{\n\n\x89PNG\xff", 3, "is not text in UTF-8"),
        (b"[]", 1, "a profile is []; allowed: an object"),
        (b"\n\n3", 3, "a profile is 3; allowed: an object"),
        (b"{", 1, "not JSON"),
        (b"{}\n{}", 2, "not JSON: Extra data"),
        (b"[" * 100_000, None, "nested too deeply"),
        (b'{"a":' * 100_000, None, "nested too deeply"),
    ],
)
def test_what_is_no_profile_at_all_is_said_in_one_line(content, line, message, tmp_path):
    found = fault(content, tmp_path)
    assert found[0] == line
    assert found[1].startswith(message)


def test_a_profile_without_layers_is_refused_where_they_should_stand(tmp_path):
    document = json.loads(LINES) | {"layers": []}
    assert fault(json.dumps(document, indent=1), tmp_path) == (
        12,
        "profile 'two' has no layers; allowed: 1 or more",
    )


def test_a_folder_or_nothing_instead_of_a_file_is_said(tmp_path):
    with pytest.raises(InputError, match="is a folder, a pipe or a device"):
        store.load(tmp_path)
    with pytest.raises(InputError, match="cannot be read: No such file"):
        store.load(tmp_path / "none.json")
    with pytest.raises(InputError, match=r"cannot be read: .*null byte"):
        store.load("a\0b")


def test_a_file_that_may_not_be_read_is_said(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)  # not by chmod: root reads everything
    with pytest.raises(InputError, match=r"p\.json: cannot be read: Permission denied"):
        store.load(tmp_path / "p.json")


def test_a_folder_gives_its_profiles_by_name(tmp_path):
    (tmp_path / "b.json").write_text(LINES)
    (tmp_path / "a.json").write_text(LINES.replace('"two"', '"one"'))
    (tmp_path / "notes.txt").write_text("not a profile")
    assert list(store.load_dir(tmp_path)) == ["one", "two"]


def test_two_profiles_of_one_name_are_refused(tmp_path):
    (tmp_path / "a.json").write_text(LINES)
    (tmp_path / "b.json").write_text(LINES)
    with pytest.raises(InputError, match=r"b\.json: profile 'two' stands in a\.json too"):
        store.load_dir(tmp_path)


def test_an_empty_or_missing_folder_and_a_broken_file_in_it_are_refused(tmp_path):
    with pytest.raises(InputError, match="holds no profile"):
        store.load_dir(tmp_path)
    with pytest.raises(InputError, match="none: cannot be read: No such file"):
        store.load_dir(tmp_path / "none")
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(InputError, match=r"a\.json:1: not JSON"):
        store.load_dir(tmp_path)


def test_what_load_would_refuse_is_not_saved(two, tmp_path):
    path = tmp_path / "kept.json"
    path.write_text("kept")
    assumed = {"kind": "assumed"}
    for provenance in ({}, {"kind": "guessed"}, assumed | {"x": math.nan}, assumed | {"x": {1, 2}}):
        profile = Profile(two.name, two.input_shape, two.input_bytes, two.layers, provenance)
        with pytest.raises(InputError, match="profile 'two' cannot be written: "):
            store.save(profile, path)
    assert [entry.name for entry in tmp_path.glob("kept*")] == ["kept.json"]
    assert path.read_text() == "kept"


def test_a_save_that_fails_leaves_the_old_file_and_nothing_beside_it(two, tmp_path, monkeypatch):
    path = tmp_path / "kept.json"
    path.write_text("kept")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(InputError, match=r"kept\.json: cannot be written \(No space left"):
        store.save(two, path)
    assert sorted(tmp_path.iterdir()) == before
    assert path.read_text() == "kept"


def test_a_place_that_cannot_be_written_is_said(two, tmp_path):
    for path in (tmp_path / "none" / "p.json", tmp_path, tmp_path / ("x" * 300), "a\0b", "/"):
        with pytest.raises(InputError, match=r"cannot be written|is a folder"):
            store.save(two, path)


def test_shipped_profiles_lie_beside_the_code_whatever_folder_is_called_as_the_package(monkeypatch):
    monkeypatch.setattr(package.__spec__, "submodule_search_locations", ["/nowhere"])  # as a folder here would
    monkeypatch.setattr(package, "__path__", ["/nowhere"])
    assert "alexnet" in store.shipped()


@pytest.mark.parametrize(
    "old, new, says",
    [
        ('"flop": 90', '"flop": 1e80', "flop is 1e+80; allowed: 0, or 1e-50 to 1e+50"),
        ('"output_bytes": 8', '"output_bytes": 1e-90', "output_bytes is 1e-90; allowed"),
        ('"time_s": 0.5', '"time_s": 1e300', "time_s is 1e+300; allowed"),
        ('"bytes": 16', '"bytes": 1e200', "bytes is 1e+200; allowed"),
    ],
)
def test_numbers_beyond_what_files_may_hold_are_refused(tmp_path, old, new, says):
    line, message = fault(LINES.replace(old, new), tmp_path)[:2]
    assert says in message and line > 1


def test_a_pipe_or_a_device_among_profiles_is_refused_at_once(tmp_path):
    (tmp_path / "a.json").write_text(LINES)
    os.mkfifo(tmp_path / "b.json")
    with pytest.raises(InputError, match=r"b\.json: is a folder, a pipe or a device"):
        store.load_dir(tmp_path)
    (tmp_path / "b.json").unlink()
    (tmp_path / "b.json").symlink_to("/dev/zero")
    with pytest.raises(InputError, match=r"b\.json: is a folder, a pipe or a device"):
        store.load_dir(tmp_path)
