"""Fixtures of the tests of the command line."""

from collections.abc import Sequence

import pytest
from user_files import INPUTS, MINE, SERVERS, SMALL, TASKS, WIDE, Done, Files

from cutlayer.experiments.cli.main import main


@pytest.fixture
def files(tmp_path) -> Files:
    made = Files(tmp_path)
    (tmp_path / "profiles").mkdir()
    for name, content in (
        ("servers.csv", SERVERS),
        ("tasks.csv", TASKS),
        ("inputs.csv", INPUTS),
        ("profiles/small.json", SMALL),
        ("profiles/wide.json", WIDE),
        ("mine.py", MINE),
    ):
        made.write(name, content)
    return made


@pytest.fixture
def cutlayer(capsys):
    """Run the command line in this process, which is quick."""

    def run(argv: Sequence[str]) -> Done:
        capsys.readouterr()
        status = main(argv)
        captured = capsys.readouterr()
        return Done(status, captured.out, captured.err)

    return run
