"""Names that users and strangers give are text: no TeX, no control of a terminal, a file of its own for each."""

import io
import logging

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from runs_by_hand import rows, run, series, written

from cutlayer.experiments.cli.main import main
from cutlayer.experiments.console import console, log, printable
from cutlayer.experiments.figures import names, style
from cutlayer.experiments.figures.drawings import draw_panels
from cutlayer.experiments.figures.names import fonts_with, slug, unlike
from cutlayer.experiments.figures.panels import Curve, Panel
from cutlayer.experiments.figures.style import STYLE, draw

HOSTILE = ["a\x1b[2Jb", "title\x1b]0;gone\x07", "\x9b31m", "back\rover", "\u202eesrever"]
TEX = ["$x^$", "cost $5 or $6", r"\frac{1}{", "a_b^c", "100 % & #1", "_hidden"]


def panel(*labels, **more):
    curves = tuple(Curve(label, np.array([0.0, 1.0]), np.array([1.0, 2.0])) for label in labels)
    return Panel("p", "Title", "x", "y", curves, **more)


@pytest.mark.parametrize("name", TEX)
def test_a_name_is_drawn_letter_by_letter(tmp_path, name):
    with plt.rc_context(STYLE):
        figure = draw_panels([panel(name, "other", lines=((name, 1.5),))], False)
        assert [text.get_text() for text in figure.legends[0].get_texts()] == [name, "other"]
    draw(tmp_path / "a", draw_panels, [panel(name, "other", lines=((name, 1.5),))], False, formats=("svg", "pdf"))
    assert len(list(tmp_path.iterdir())) == 2


def test_a_log_axis_has_plain_numbers_and_no_markup(tmp_path):
    curve = Curve("a", np.array([0.001, 1000.0]), np.array([1e-5, 3e6]))
    seen = []

    def drawing():
        figure = draw_panels([Panel("p", "T", "x", "y", (curve,), x_log=True, y_log=True)], False)
        seen.append(figure)
        return figure

    draw(tmp_path / "a", drawing, formats=("png",))
    (axes,) = seen[0].axes
    texts = [label.get_text() for label in (*axes.get_xticklabels(), *axes.get_yticklabels())]
    assert {"1,000", "0.001", "0.00001"} <= set(texts) and not any("$" in text for text in texts)


@pytest.mark.parametrize("name", HOSTILE)
def test_no_control_character_reaches_a_terminal(name, capsys):
    with console():
        print("run", name)
        log.info("note %s", name)
    seen = capsys.readouterr()
    for text in (printable(name), seen.out[:-1], seen.err[:-1]):
        assert not any(letter in text for letter in "\x1b\x07\x9b\r\u202e")
    assert seen.out == f"run {printable(name)}\n"


def test_half_a_character_is_an_escape_too():
    """A stream of UTF-8 could not write it."""
    assert printable("half \ud800") == "half \\ud800"


def test_lines_and_colours_of_our_own_stay(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    from cutlayer.experiments.console import coloured

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    with console():
        print(f"{coloured('holds', 'green')}:\ta \x1b[32mname\x1b[0m\nnext")
    assert terminal.getvalue() == "\x1b[32mholds\x1b[0m:\ta \\x1b[32mname\\x1b[0m\nnext\n"


def test_a_strangers_results_do_not_control_the_terminal(tmp_path, capsys):
    task = {"task": HOSTILE[0], "outcome": "rejected", "arrival_s": 0.0}
    runs = [(run(HOSTILE[1] + str(k), error=HOSTILE[0], status=status), {"tasks": rows("tasks", task)})
            for k, status in enumerate(("done", "done", "failed"))]  # fmt: skip
    with written(tmp_path / "r.db", *runs):
        pass
    for argv in (["results"], ["plot"], ["report"], ["explain", "nobody"], ["compare", "x", "y"], ["timeline"]):
        main([argv[0], str(tmp_path / "r.db"), *argv[1:]])
        seen = capsys.readouterr()
        assert "\x1b" not in seen.out + seen.err and "\x07" not in seen.out + seen.err, argv
        assert "Traceback" not in seen.err


def test_every_run_has_files_of_its_own(tmp_path):
    """Names that are one when case, other scripts, brackets or all but 80 letters are dropped."""
    called = ["mine.py:One", "mine.py:Two", "Fifo", "fifo", "中文", "русский", "x" * 90 + "1", "x" * 90 + "2"]
    by = [{"time_s": 0.0, "resource": "server", "resource_name": "s", "reserved_flop_per_s": 1.0}]
    tables = {"series": series((0.0, 1)), "series_by": rows("series_by", *by)}
    with written(tmp_path / "r.db", *((run(name), tables) for name in called)):
        pass
    assert main(["plot", str(tmp_path / "r.db"), "--what", "heatmap", "--out", str(tmp_path / "f"), "-q"]) == 0
    drawn = [path.name for path in (tmp_path / "f").iterdir()]
    assert len({name.lower() for name in drawn}) == len(called)
    assert {"heatmap-mine.py-one.png", "heatmap-mine.py-two.png", "heatmap-中文.png", "heatmap-fifo-2.png"} <= set(
        drawn
    )


def test_file_names_have_no_folders_and_fit_a_disk():
    assert [slug(text) for text in ("a/b", "../..", "", "日" * 200, ".x")] == [
        "a-b",
        "figure",
        "figure",
        "日" * 26,
        "x",
    ]
    assert unlike(["a", "a", "a-2", "a"]) == ["a", "a-2", "a-2-2", "a-3"]


def test_letters_the_style_lacks_come_from_a_font_that_has_them(tmp_path, monkeypatch, caplog, recwarn):
    chosen = []

    def drawing():
        figure = Figure()
        chosen.append(plt.rcParams["font.family"])
        figure.text(0, 0, "中文 名前")
        return figure

    monkeypatch.setattr(style, "fonts_with", lambda letters: (["DejaVu Serif"], set()))
    draw(tmp_path / "a", drawing, formats=("svg",))
    assert chosen[-1] == ["DejaVu Sans", "DejaVu Serif"] and not caplog.records and not recwarn.list


def test_letters_that_no_font_has_are_named_once(tmp_path, caplog, recwarn):
    lacking = "\U0010fffd"  # of private use: no font should have it
    names.say_missing.cache_clear()
    for name in ("a", "b"):
        with caplog.at_level(logging.WARNING):
            draw(tmp_path / name, draw_panels, [panel(f"x{lacking}", "y")], False, formats=("png", "svg"))
    (record,) = caplog.records
    assert lacking in record.getMessage() and not recwarn.list


def test_the_fewest_fonts_that_have_all_letters():
    fonts, without = fonts_with(frozenset("é\U0010fffd"))
    assert len(fonts) == 1 and without == {"\U0010fffd"}
