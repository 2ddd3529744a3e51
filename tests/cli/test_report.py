"""``cutlayer report`` as a file: whole, alone, the same every time. What it shows is tested in a browser."""

from __future__ import annotations

import html.parser
import json
import re

import pytest
from user_files import assert_one_line, command, rows

from cutlayer.experiments.report import tables
from cutlayer.experiments.report.page import report
from cutlayer.simulator.results.file import Results

FRAMES = ("--frames", "periodic", "--until", "30", "--window", "5", "--by-resource")


@pytest.fixture
def results(files, cutlayer):
    for scheduler in ("fifo", "lbf"):
        assert cutlayer(files.argv(*FRAMES, scheduler=scheduler)).status == 0
    return files.path("run.db")


def data(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])


def test_the_same_results_give_the_same_bytes_in_any_process(results, files):
    for name, hash_seed in (("one.html", "1"), ("two.html", "2")):
        assert (
            command("report", str(results), "-o", name, cwd=files.folder, PYTHONHASHSEED=hash_seed).out == f"{name}\n"
        )
    assert files.path("one.html").read_bytes() == files.path("two.html").read_bytes()


def test_it_needs_nothing_but_itself(results):
    page = report(results).read_text()
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)
    assert "{{" not in re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert len(page) < 2_000_000


def test_every_element_that_is_opened_is_closed(results):
    class Checker(html.parser.HTMLParser):
        def __init__(self):
            super().__init__()
            self.open = []

        def handle_starttag(self, tag, attributes):
            if tag not in ("meta", "link", "br"):
                self.open.append(tag)

        def handle_endtag(self, tag):
            assert self.open.pop() == tag

    checker = Checker()
    checker.feed(report(results).read_text())
    assert checker.open == []


def test_scenario_versions_and_commands_are_there_to_do_it_again(results):
    page = html.unescape(report(results).read_text())
    for row in rows(results):
        assert row["command"] in page
        assert json.dumps(json.loads(row["versions"]), indent=1) in page
        assert json.dumps(json.loads(row["scenario"]), indent=1) in page


def test_runs_that_failed_are_told_with_their_error(results):
    assert 'id="failed"' not in report(results).read_text()
    with Results(results) as opened:
        row = next(iter(opened.rows("runs")))
        opened.write(dict(row) | {"key": "0" * 64, "seed": 9, "status": "failed", "error": "no <room>"}, {})
    page = report(results).read_text()
    assert 'id="failed"' in page and "no &lt;room&gt;" in page and "no <room>" not in page


def test_chosen_runs_alone_are_reported(results, cutlayer):
    done = cutlayer(["report", str(results), "--runs", "lbf"])
    assert (done.status, done.err, done.out) == (0, "", f"{results.with_suffix('.html')}\n")
    decisions = next(
        table for table in data(results.with_suffix(".html").read_text())["tables"] if table["name"] == "decisions"
    )
    assert decisions["columns"][0]["words"] == ["lbf"] and decisions["rows"] == 4


def test_more_rows_than_a_page_can_hold_are_left_out_with_a_notice(results, monkeypatch):
    monkeypatch.setitem(tables.MOST_ROWS, "decisions", 3)
    decisions = next(table for table in data(report(results).read_text())["tables"] if table["name"] == "decisions")
    assert decisions["rows"] == 3 and all(len(c.get("values", c.get("index"))) == 3 for c in decisions["columns"])
    assert decisions["notice"] == "The first 3 of 8 rows; the results file has them all."


@pytest.mark.parametrize("content", ["[1]", "{", '[{"source": "x"}]', '{"a": 1}'])
def test_claims_that_are_none_are_said_in_one_line(results, files, cutlayer, content):
    files.write("claims.json", content)
    assert_one_line(cutlayer(["report", str(results)]), "claims.json: is not a list of claims")
    assert not results.with_suffix(".html").exists()


@pytest.mark.parametrize(
    "argv, says",
    [
        (["--runs", "fif"], "did you mean 'fifo'?"),
        (["-o", "nowhere/x.html"], "cannot be written"),
        (["-o", "."], ".: is a folder; allowed: a file"),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_is_written(results, files, cutlayer, monkeypatch, argv, says):
    monkeypatch.chdir(files.folder)
    before = set(files.everything())
    assert_one_line(cutlayer(["report", "run.db", *argv]), "cutlayer report: ", says)
    assert {name for name in files.everything() if not name.endswith(("-shm", "-wal"))} == before
