"""``cutlayer export``: a results file as CSV or Parquet."""

from __future__ import annotations

import argparse

HELP = "write the tables of a results file as CSV or Parquet"
DESCRIPTION = "Write every table of a results file that has rows: one file a table, every row with the key of its run."
EXAMPLE = "cutlayer export sweep.db --format csv --out tables"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument("results", metavar="FILE.db", help="results of 'cutlayer run' or 'cutlayer sweep'")
    parser.add_argument("--format", default="csv", metavar="F", help="csv (default) or parquet")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to write to")


def call(arguments: argparse.Namespace) -> int:
    """Write the files and print their names."""
    from cutlayer.experiments.records.export import export
    from cutlayer.simulator.results.file import Results

    with Results(arguments.results, must_exist=True) as results:
        for path in export(results, arguments.out, arguments.format):
            print(path)
    return 0
