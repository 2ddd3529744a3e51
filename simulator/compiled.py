"""Compiles loops with numba, and keeps them in the user's cache folder.

A compiled loop is found by its content: the digest of its code, of all functions and constants it uses, of the types of
its arguments, of the processor and of the versions of Python, numpy and numba. Installations therefore share what is
equal, never see each other's different loops, and leave nothing in site-packages or beside the code. Where the folder
can be neither read nor written, every process compiles anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import pickle
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, TypeVar

import numba
import numpy as np
from numba import config, njit
from numba.core.caching import NullCache
from numba.core.compiler import CompileResult
from numba.core.dispatcher import Dispatcher
from numba.core.serialize import dumps
from numba.core.types import BaseTuple

Loop = TypeVar("Loop", bound=Callable[..., Any])
KEPT_BYTES = 64_000_000
"""Those used longest ago are removed beyond this size; all loops together take some 2 MB."""
log = logging.getLogger("cutlayer.compiled")
"""Tells at level INFO, once a process, that something is being compiled; a library prints nothing itself."""
_told: set[str] = set()


def compiled(function: Loop) -> Loop:
    """Compile a function when it is first called."""
    return _compiled(function)


def inlined(function: Loop) -> Loop:
    """Compile a function into its callers, so that their loops can run on several numbers at a time."""
    return _compiled(function, inline="always")


def _compiled(function: Loop, **options: Any) -> Loop:
    loop: Any = njit(nogil=True, error_model="numpy", **options)(function)
    loop._cache = _Cache(loop)  # as njit(cache=True) does with numba's own, which is kept beside the code
    return loop  # type: ignore[no-any-return]


def cache_folder() -> Path:
    """Return where compiled loops are kept: `NUMBA_CACHE_DIR`, or the cache folder of the user."""
    if config.CACHE_DIR:  # type: ignore[attr-defined]
        return Path(config.CACHE_DIR) / "cutlayer"  # type: ignore[attr-defined]
    if (base := Path(os.environ.get("XDG_CACHE_HOME", ""))).is_absolute():
        return base / "cutlayer" / "loops"
    usual = {"darwin": "~/Library/Caches", "win32": os.environ.get("LOCALAPPDATA", "~/AppData/Local")}
    return Path(os.path.expanduser(usual.get(sys.platform, "~/.cache"))) / "cutlayer" / "loops"


class _Cache(NullCache):
    """One file a loop and types of arguments, written whole or not at all; what fails here is only compiled again."""

    def __init__(self, loop: Any) -> None:
        self.loop = loop

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled loop, None where it is not kept or its file is damaged."""
        target_context.refresh()
        path = self._path(sig, target_context.codegen())
        with contextlib.suppress(OSError):
            data = path.read_bytes()
            if hashlib.sha256(data[32:]).digest() == data[:32]:
                with contextlib.suppress(OSError):
                    os.utime(path)  # used: the last to be removed
                return CompileResult._rebuild(target_context, *pickle.loads(data[32:]))  # type: ignore[no-untyped-call]
        _tell(path.parent)
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a compiled loop for the next process."""
        if data.lifted or data.library.has_dynamic_globals:
            return
        content = dumps(data._reduce())  # type: ignore[no-untyped-call]
        path = self._path(sig, data.codegen)
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, unfinished = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(hashlib.sha256(content).digest() + content)
                os.replace(unfinished, path)
            except OSError:
                os.unlink(unfinished)
                raise
            _remove_oldest(path.parent)

    def _path(self, sig: Any, codegen: Any) -> Path:
        function = self.loop.py_func
        versions = (sys.version, numba.__version__, np.__version__, codegen.magic_tuple())
        types = [_described(kind) for kind in sig]
        digest = hashlib.sha256(repr([versions, types, *_content(self.loop, set())]).encode())
        return cache_folder() / f"{function.__module__}.{function.__name__}-{digest.hexdigest()[:40]}"


def _content(value: Any, seen: set[int]) -> Iterator[object]:
    """Yield all that decides what a function does: its code, and what it uses of other functions and constants."""
    if isinstance(value, Dispatcher):
        yield sorted(value.targetoptions.items())
        value = value.py_func
    if isinstance(value, FunctionType):
        yield value.__module__, value.__qualname__, value.__defaults__
        if id(value) not in seen:
            seen.add(id(value))
            names = yield from _code(value.__code__)
            for name in sorted(names & value.__globals__.keys()):
                yield name
                yield from _content(value.__globals__[name], seen)
            for cell in value.__closure__ or ():
                yield from _content(cell.cell_contents, seen)
    elif isinstance(value, ModuleType):
        yield value.__name__
    elif isinstance(value, np.ndarray):
        yield value.dtype.str, value.shape, value.tobytes()
    else:
        yield value, getattr(value, "_fields", None)


def _code(code: CodeType) -> Generator[object, None, set[str]]:
    """Yield what code says, without its place in the file; return the names it uses."""
    names = set(code.co_names)
    yield code.co_code, code.co_names, code.co_varnames, code.co_freevars
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= yield from _code(constant)
        else:
            yield sorted(map(repr, constant)) if isinstance(constant, frozenset) else constant
    return names


def _described(kind: Any) -> object:
    """Return a type with the names of its fields, by which code finds them."""
    if isinstance(kind, BaseTuple):
        parts: Any = kind
        return type(kind).__name__, getattr(kind, "fields", ()), [_described(part) for part in parts]
    return str(kind)


def _remove_oldest(folder: Path) -> None:
    """Remove the loops used longest ago while all together are larger than `KEPT_BYTES`."""
    found = []
    for entry in os.scandir(folder):
        with contextlib.suppress(FileNotFoundError):  # another process removed it
            found.append((entry.stat().st_mtime, entry.stat().st_size, entry.path))
    kept = 0
    for _, size, path in sorted(found, reverse=True):
        kept += size
        if kept > KEPT_BYTES:
            Path(path).unlink(missing_ok=True)


def _tell(folder: Path) -> None:
    if _told:
        return
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    writable = os.access(folder, os.W_OK)
    once = "once" if writable else "in every run, since the cache cannot be written (set NUMBA_CACHE_DIR to a folder)"
    _told.add(once)
    log.info(f"compiling: up to half a minute, {once}")
