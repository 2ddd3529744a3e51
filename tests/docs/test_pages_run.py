"""What README and docs tell a reader to type works as written, and prints what they say."""

from __future__ import annotations

import re

import pytest
from pages import LANGUAGES, Block, Reader, blocks, is_slow, matches, pages, text_of

NOT_RUN = {
    ("README.md", "builds an environment; tests of their own do the same"),
    ("README.md", "installs torch"),
    ("CONTRIBUTING.md", "builds an environment; tests of their own do the same"),
    ("CONTRIBUTING.md", "runs the tests"),
    ("docs/sweeps.md", "takes an hour"),
    ("docs/index.md", "builds an environment; tests of their own do the same"),
}
"""Every block that is not run, with the reason the page gives."""


PAGES = [pytest.param(page, id=page, marks=[pytest.mark.slow] if is_slow(page) else []) for page in pages()]


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_a_page_runs_in_order_and_prints_what_the_page_says(page, tmp_path):
    reader = Reader(tmp_path)
    for block in blocks(page):
        reader.follow(block)


def test_blocks_that_are_not_run_are_those_listed():
    found = {(page, block.not_run) for page in pages() for block in blocks(page) if block.not_run is not None}
    assert found == NOT_RUN


def test_every_block_says_its_language_and_none_is_a_shell_by_another_name():
    for page in pages():
        for block in blocks(page):
            assert block.language in LANGUAGES, f"{block.where}: {block.language!r}"


def test_no_command_hides_in_an_indented_block():
    for page in pages():
        hidden = re.search(r"^(?: {4}|\t)+(?:\S*\$ )?(?:cutlayer|make|pip|python) ", text_of(page), flags=re.MULTILINE)
        assert not hidden, f"{page}: {hidden[0]}"


def test_every_comment_above_a_block_is_one_that_is_known():
    for page in pages():
        for block in blocks(page):
            known = block.comment in (None, "not output") or block.not_run or block.status or block.needs
            assert known or block.comment.startswith("slow:"), f"{block.where}: {block.comment!r}"


def test_pages_of_commands_have_commands():
    assert sum(block.is_command for block in blocks("README.md")) >= 5
    assert len([page for page in pages() if any(block.is_command for block in blocks(page))]) >= 4


# The reader itself ------------------------------------------------------------------------------------------

PAGE = """\
# A page

```csv title="a.csv"
one,two
```

```sh
cat a.csv
echo done in 3.2 s
```

which prints

```text
one,two
done in ... s
```

<!-- exit status 3 -->
```sh
exit 3
```

<!-- not run: it would not end -->
```sh
sleep 1000
```

# Another heading

```text
free text
```
"""


def test_a_page_is_read_as_its_blocks():
    a, b, c, d, e = blocks("x.md", PAGE)
    assert (a.title, a.text, a.is_command) == ("a.csv", "one,two\n", False)
    assert (b.output, b.line, b.status) == ("one,two\ndone in ... s\n", 7, 0)
    assert (c.status, c.not_run) == (3, None)
    assert (d.status, d.not_run) == (0, "it would not end")
    assert (e.language, e.is_command, e.output) == ("text", False, None)


def test_the_reader_does_what_a_page_says(tmp_path):
    reader = Reader(tmp_path)
    for block in blocks("x.md", PAGE):
        reader.follow(block)


@pytest.mark.parametrize(
    "old, new",
    [("done in ... s", "done in ... min"), ("one,two\ndone", "done"), ("exit 3", "exit 2"), ("cat a", "cat b")],
)
def test_the_reader_notices_what_is_not_as_said(old, new, tmp_path):
    reader = Reader(tmp_path)
    assert PAGE.count(old) >= 1
    with pytest.raises(AssertionError, match=r"x\.md:\d+ (printed|ended)"):
        for block in blocks("x.md", PAGE.replace(old, new)):
            reader.follow(block)


@pytest.mark.parametrize("text, status", [(">>> 1 + 1\n2\n", 0), (">>> 1 + 1\n3\n", 1), ("raise SystemExit(4)\n", 4)])
def test_python_is_a_script_or_a_session(text, status, tmp_path):
    reader = Reader(tmp_path)
    reader.follow(Block("x.md", 1, "python", None, text, f"exit status {status}" if status else None))


@pytest.mark.parametrize(
    "expected, printed, holds",
    [
        ("a\n...\nb\n", "a\nb\n", True),
        ("a\n...\nb\n", "a\nx\ny\nb\n", True),
        ("a\n...\nb\n", "a\nx\ny\n", False),
        ("took ... s\n", "took 3.2 s  \n", True),
        ("took ... s\n", "took 3\n.2 s\n", False),
        ("a.c\n", "abc\n", False),
        ("a\n", "a\nb\n", False),
        ("", "", True),
        ("", "b\n", False),
    ],
)
def test_dots_stand_for_anything_within_a_line_or_for_lines(expected, printed, holds):
    assert matches(expected, printed) is holds


def test_slow_pages_are_those_that_say_so():
    for page in pages():
        assert is_slow(page) == ("\n<!-- slow:" in text_of(page))
