"""The pictures that README and docs show are what their own commands draw today."""

from __future__ import annotations

import re
import shlex

import matplotlib.image
import numpy as np
import pytest
from pages import ROOT, Reader, blocks, text_of

from cutlayer.experiments.cli.main import main
from cutlayer.experiments.figures.plot import KINDS

PICTURES = {
    "README.md": ("replay.png", "--out town", "town/replay.png"),
    "docs/tutorials/where-to-cut.md": (
        "layer_profiles.png", "--only layer_profiles", "figures/fig3_layer_profiles.png",
    ),
}  # fmt: skip
"""By page: a picture in docs/assets, what its command has in it, and the file that command writes."""
LARGEST_BYTES = 250_000
SQUARES = 80
"""A picture is compared in so many squares a row: fonts and palettes may differ by a pixel, curves may not move."""


def squares(path):
    """Return the picture in grey, as means over squares."""
    picture = matplotlib.image.imread(path)[:, :, :3].mean(axis=2)
    side = picture.shape[1] // SQUARES
    rows = picture.shape[0] // side
    return picture[: rows * side, : SQUARES * side].reshape(rows, side, SQUARES, side).mean(axis=(1, 3))


def drawn(page, folder, monkeypatch, *more):
    """Run the command of the page's picture and return what it drew."""
    _, part, written = PICTURES[page]
    (command,) = (
        line for block in blocks(page) if block.language == "sh" for line in block.text.splitlines() if part in line
    )
    (folder / "workloads").symlink_to(ROOT / "workloads")
    monkeypatch.chdir(folder)
    assert main([*shlex.split(command)[1:], *more]) == 0
    return squares(folder / written)


GALLERY = "docs/gallery.md"


def gallery():
    """Return the pictures of the gallery, by the files their commands write."""
    names = re.findall(r"\]\(assets/gallery/(\w+)-([\w-]+)\.png\)", text_of(GALLERY))
    return {
        f"{folder}/{name}.png": ROOT / "docs" / "assets" / "gallery" / f"{folder}-{name}.png" for folder, name in names
    }


def furthest(one, other):
    return 1.0 if one.shape != other.shape else float(np.abs(one - other).max())


@pytest.mark.parametrize("page", PICTURES)
def test_a_picture_is_what_its_command_draws(page, tmp_path, monkeypatch):
    kept = squares(ROOT / "docs" / "assets" / PICTURES[page][0])
    assert furthest(kept, drawn(page, tmp_path, monkeypatch)) < 0.15


def test_the_pictures_of_the_gallery_are_what_its_commands_draw(tmp_path):
    reader = Reader(tmp_path)
    for block in blocks(GALLERY):
        reader.follow(block)
    apart = {written: furthest(squares(kept), squares(reader.folder / written)) for written, kept in gallery().items()}
    assert max(apart.values()) < 0.15, apart


def test_every_figure_is_in_the_gallery_and_every_picture_there_is_shown():
    shown = {path.name for path in gallery().values()}
    for name in KINDS:
        assert any(re.search(rf"-{name}(-|\.)", picture) for picture in shown), name
    assert shown == {path.name for path in (ROOT / "docs" / "assets" / "gallery").iterdir()}


def test_a_picture_of_another_run_is_told_apart(tmp_path, monkeypatch):
    kept = squares(ROOT / "docs" / "assets" / "replay.png")
    assert furthest(kept, drawn("README.md", tmp_path, monkeypatch, "--set", "run.seed=1")) > 0.3


def test_pictures_are_small_and_shown():
    for page, (name, *_) in PICTURES.items():
        assert re.search(rf"!\[[^\]]+\]\([\w./]*assets/{re.escape(name)}\)", text_of(page)), page
    for path in (ROOT / "docs" / "assets").rglob("*.png"):
        assert path.stat().st_size < LARGEST_BYTES, path.name
