"""A scheduler's file and the modules that it imports from its folder or its project.

All of them decide the results, so all are in the key of a run; and a module that was edited is loaded again by workers
that have loaded an earlier version.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import hashlib
import importlib
import json
import sys
import sysconfig
from collections.abc import Iterator
from importlib.machinery import PathFinder
from importlib.util import resolve_name
from pathlib import Path

from cutlayer import experiments, models, profiles, simulator, workloads

_OURS = tuple(Path(package.__path__[0]) for package in (simulator, models, profiles, workloads, experiments))
_INSTALLED = {"site-packages", "dist-packages"}
_STANDARD = Path(sysconfig.get_paths()["stdlib"])


def digest(path: str | Path) -> str:
    """Return the digest of a scheduler's file and of the modules of its project that it imports; see `modules`.

    Call it after the file was loaded, since the file may extend `sys.path`.
    """
    own = _digest(Path(path).read_bytes())
    found = modules(path)
    if not found:
        return own
    return _digest(json.dumps([own, *([name, _digest(found[name].read_bytes())] for name in sorted(found))]).encode())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


_PROJECT = (".git", "pyproject.toml", "setup.py", "setup.cfg")
_on_the_path: list[str] = []
"""What `on_the_path` has left at the end of `sys.path`, for imports inside of functions."""


def folders(path: str | Path) -> list[Path]:
    """Return where a scheduler's file may import from: its folder, and that of its project, if another.

    The project's folder is the nearest one above the file with one of .git, pyproject.toml, setup.py and setup.cfg.
    """
    own = Path(path).resolve().parent
    projects = (at for at in (own, *own.parents) if any((at / name).exists() for name in _PROJECT))
    return list(dict.fromkeys([own, next(projects, own)]))


@contextlib.contextmanager
def on_the_path(path: str | Path) -> Iterator[None]:
    """Import from the folders of a scheduler's file, first of all meanwhile and last of all afterwards."""
    for name in _on_the_path:
        if name in sys.path:
            sys.path.remove(name)
    _on_the_path[:] = []
    names = [str(folder) for folder in folders(path)]
    sys.path[:0] = names
    try:
        yield
    finally:
        for name in names:
            if name in sys.path:
                sys.path.remove(name)
            if name not in sys.path:
                sys.path.append(name)
                _on_the_path.append(name)


def modules(path: str | Path) -> dict[str, Path]:
    """Return the modules that a file imports, and those that they import, with their files.

    Only those of the file's own project: what is installed, or is of cutlayer, has a version of its own. Imports
    count where they are written as statements, also those inside of functions.
    """
    folder = folders(path)[-1]
    found: dict[str, Path] = {}
    others: set[str] = set()
    waiting = [("", Path(path))]
    while waiting:
        package, file = waiting.pop()
        for name in _imported(file.read_bytes(), package):
            if name in found or name in others or name.rpartition(".")[0] in others:
                continue
            places = _places(name)
            if not any(_is_own(place, folder) for place in places):
                others.add(name)
            elif places[0].suffix == ".py":  # not a folder without an __init__.py
                found[name] = places[0]
                waiting.append((name if places[0].name == "__init__.py" else name.rpartition(".")[0], places[0]))
    return found


@functools.lru_cache(maxsize=256)
def _imported(source: bytes, package: str) -> tuple[str, ...]:
    """Return every name that may be a module in the import statements of a module of that package."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):  # who loads it says so
        return ()
    names = (part for node in ast.walk(tree) for name in _names(node, package) for part in _with_parents(name))
    return tuple(dict.fromkeys(names))


def _names(node: ast.AST, package: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            try:
                base = resolve_name("." * node.level + base, package)
            except ImportError:
                return
        yield base
        yield from (f"{base}.{alias.name}" for alias in node.names if alias.name != "*")


def _with_parents(name: str) -> Iterator[str]:
    parts = name.split(".")
    return (".".join(parts[: n + 1]) for n in range(len(parts)))


def _places(name: str) -> list[Path]:
    """Return the source file of a module, loaded or not, or its folders where it has no file."""
    loaded = getattr(sys.modules.get(name), "__file__", None)
    if loaded is not None:
        return [Path(loaded).resolve()]
    spec, path = None, None
    for part in _with_parents(name):
        spec = PathFinder.find_spec(part, path)
        path = None if spec is None else spec.submodule_search_locations
        if spec is None or (path is None and part != name):
            return []
    if spec is not None and spec.has_location and spec.origin:
        return [Path(spec.origin).resolve()]
    return [Path(folder).resolve() for folder in path or ()]


def _is_own(place: Path, folder: Path) -> bool:
    elsewhere = _INSTALLED & set(place.parts) or any(place.is_relative_to(path) for path in (*_OURS, _STANDARD))
    return place.is_relative_to(folder) and not elsewhere and place.exists()


_brought: dict[str, tuple[Path, Path, str]] = {}
"""The modules that schedulers' files have imported first: the folder of that file, their own file and its digest."""


def forget_stale(path: str | Path) -> None:
    """Let modules be loaded anew that an earlier file brought in, if any has changed or is of another folder.

    A module that somebody else has imported stays as it is.
    """
    folder = Path(path).resolve().parent
    if all(of == folder and _is_still(file, before) for of, file, before in _brought.values()):
        return
    for name in _brought:
        sys.modules.pop(name, None)
    _brought.clear()
    importlib.invalidate_caches()


def _is_still(file: Path, before: str) -> bool:
    try:
        return _digest(file.read_bytes()) == before
    except OSError:
        return False


def remember(path: str | Path, before: set[str]) -> None:
    """Note what a file has brought in that was not among the modules `before`."""
    folder = Path(path).resolve().parent
    for name, file in modules(path).items():
        if name not in before:
            _brought[name] = folder, file, _digest(file.read_bytes())
