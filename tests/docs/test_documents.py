"""What README and docs name is there."""

from __future__ import annotations

import re

import pytest
from pages import ROOT, Block, blocks, pages, text_of

from cutlayer.experiments.scenarios.plugin import build_scheduler
from cutlayer.simulator.checks.contract import check_scheduler

CLASS = re.compile(r"^class (\w+)\((?:Online|Offline)Scheduler\)", flags=re.MULTILINE)


def schedulers() -> list[Block]:
    """Return the blocks with a scheduler, but for those whose page shows what ``cutlayer check`` finds wrong."""
    found = []
    for page in pages():
        broken = [block.text for block in blocks(page) if block.status != 0]
        for block in blocks(page):
            name = CLASS.search(block.text)
            if block.language == "python" and name and not any(f":{name[1]}" in text for text in broken):
                found.append(block)
    return found


def test_make_targets_named_in_the_documents_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    shell = "\n".join(block.text for page in pages() for block in blocks(page) if block.language == "sh")
    targets = re.findall(r"^make ([\w-]+)", shell, flags=re.MULTILINE)
    assert {"demo", "test"} <= set(targets)
    for target in targets:
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


@pytest.mark.parametrize("block", schedulers(), ids=lambda block: block.where)
def test_every_scheduler_in_the_documents_keeps_the_contract(block, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(block.text)
    (name,) = CLASS.findall(block.text)
    check_scheduler(lambda: build_scheduler(f"{path}:{name}", {}))


def test_files_named_in_the_documents_exist():
    folders = "tests|simulator|docs|models|workloads|profiles|experiments"
    for page in pages():
        for name in re.findall(rf"`((?:{folders})/[\w/.]*)`", text_of(page)):
            assert (ROOT / name).exists(), f"{page} names {name}"


def test_links_between_pages_lead_to_files():
    for page in pages():
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text_of(page)):
            if "reference/cutlayer" not in target:  # generated from the packages
                assert ((ROOT / page).parent / target).exists(), f"{page} links to {target}"
