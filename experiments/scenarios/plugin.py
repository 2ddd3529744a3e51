"""From what a user names to a scheduler: a registered name, or a class in a file of the user's own."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import importlib.util
import inspect
import json
import re
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from cutlayer.experiments.scenarios import own_code
from cutlayer.simulator.errors import InputError, UnknownNameError, in_words, near_name
from cutlayer.simulator.policy import OfflineScheduler, OnlineScheduler, Scheduler
from cutlayer.simulator.schedulers import SCHEDULERS


def scheduler_class(spec: str) -> type[Scheduler]:
    """Return the scheduler class `spec` names.

    Parameters
    ----------
    spec : str
        A registered name, or ``path/to/file.py:ClassName``.

    Raises
    ------
    InputError
        If there is no such scheduler, or the file cannot be imported.
    """
    path, colon, name = spec.rpartition(":")
    if spec in _given:
        return _given[spec].kind
    if not colon and spec not in SCHEDULERS and Path(spec).suffix == ".py":
        own = _classes(_import_file(Path(spec)))
        classes = ", ".join(f"{spec}:{name}" for name in own) or "a file with a subclass of OnlineScheduler"
        raise InputError(f"names no class; allowed: {classes}", spec)
    if not colon:
        return SCHEDULERS[spec]
    module = _import_file(Path(path))
    if not hasattr(module, name):
        raise UnknownNameError("class", name, _classes(module)).located(path)
    found = getattr(module, name)
    if not _is_scheduler(found):
        raise InputError(f"{name} is not a subclass of OnlineScheduler or OfflineScheduler", path)
    return found  # type: ignore[no-any-return]


def _classes(module: Any) -> list[str]:
    """Return the names of the schedulers that a module defines."""
    own = (value for value in vars(module).values() if getattr(value, "__module__", "") == module.__name__)
    return [value.__name__ for value in own if _is_scheduler(value)]


def _is_scheduler(value: object) -> bool:
    bases = (OnlineScheduler, OfflineScheduler)
    return inspect.isclass(value) and issubclass(value, bases) and value not in bases


def _import_file(path: Path) -> Any:
    if not path.is_file():
        raise InputError("no such file; allowed: a registered scheduler or path/to/file.py:ClassName", path)
    spec = importlib.util.spec_from_file_location(f"cutlayer_user_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise InputError("is not a Python file (.py)", path)
    module = importlib.util.module_from_spec(spec)
    try:
        with _importing, prints_to_stderr(), _no_cached_code(), own_code.on_the_path(path):
            own_code.forget_stale(path)
            before = set(sys.modules)
            sys.modules[spec.name] = module  # pickling and dataclasses look the module up by name
            # compiled afresh: Python's cache takes a file changed within a second, to the same size, for unchanged
            exec(compile(path.read_bytes(), spec.origin or path, "exec"), vars(module))
            own_code.remember(path, before)
    except SyntaxError as fault:
        file = path if fault.filename in (None, spec.origin) else fault.filename  # it may import another
        raise InputError(f"syntax error: {fault.msg}", file, fault.lineno) from None
    except (Exception, SystemExit) as fault:
        frames = [frame for frame in traceback.extract_tb(fault.__traceback__) if frame.filename == spec.origin]
        line = frames[-1].lineno if frames else None
        reason = " ".join(in_words(fault).split())  # in one line
        raise InputError(f"cannot be imported: {reason}", path, line) from None
    return module


_importing = threading.RLock()


@contextlib.contextmanager
def _no_cached_code() -> Iterator[None]:
    """Keep no compiled code of the modules that are loaded meanwhile, for the same reason."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before


def prints_to_stderr() -> contextlib.AbstractContextManager[object]:
    """Return a context in which what a scheduler prints keeps out of what cutlayer prints."""
    return contextlib.redirect_stdout(sys.stderr)


def code_digest(spec: str) -> str:
    """Return the digest of the code of a scheduler of one's own, ``""`` of one that is registered.

    It is that of its file and of the modules of its project that it imports (`own_code`).
    """
    path, colon, _ = spec.rpartition(":")
    if spec in _given:
        return _given[spec].sha256
    try:
        return own_code.digest(path) if colon and Path(path).is_file() else ""
    except OSError:  # gone, or not to be read: who runs it says so
        return ""


class Given(NamedTuple):
    """A scheduler that is an object of a Python program: its class, perhaps one of it, and the digest of its code."""

    kind: type[Scheduler]
    made: Scheduler | None
    sha256: str


_given: dict[str, Given] = {}


def given(scheduler: type[Scheduler] | Scheduler) -> str:
    """Return the name under which this process has a scheduler of its own: that of its class.

    Raises
    ------
    InputError
        If it is no scheduler.
    """
    made = scheduler if isinstance(scheduler, Scheduler) else None
    kind = type(made) if made is not None else scheduler
    if not _is_scheduler(kind):
        raise InputError(f"{scheduler!r} is no subclass of OnlineScheduler or OfflineScheduler")
    assert isinstance(kind, type)
    state = "" if made is None else json.dumps(vars(made), sort_keys=True, default=repr)
    _given[kind.__name__] = Given(kind, made, hashlib.sha256((_source(kind) + state).encode()).hexdigest())
    return kind.__name__


def _source(kind: type) -> str:
    """Return what the code of a class is made of, also where no file has it."""
    try:
        return inspect.getsource(kind)
    except (OSError, TypeError):
        codes = (getattr(value, "__code__", None) for value in vars(kind).values())
        return repr([(code.co_code, code.co_consts, code.co_names) for code in codes if code is not None])


OWN_OPTIONS = ("cut", "cut_rule", "admission")
"""Parameters that have an option of the command line to themselves; the others are said with --option."""

_KINDS: dict[str, tuple[str, tuple[type, ...]]] = {
    "int": ("a whole number", (int,)),
    "float": ("a number", (int, float)),
    "str": ("text", (str,)),
}
"""What a parameter takes, by its annotation; a parameter annotated otherwise judges for itself."""


def build_scheduler(spec: str, options: Mapping[str, Any]) -> Scheduler:
    """Return the scheduler `spec` names with these parameters.

    Raises
    ------
    InputError
        If the scheduler takes no such parameter, needs one that is missing, or refuses a value.
    """
    if spec in _given and _given[spec].made is not None:
        return copy.deepcopy(_given[spec].made)  # type: ignore[return-value]
    found = scheduler_class(spec)
    parameters = inspect.signature(found).parameters
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        for name in options:
            if name not in parameters:
                raise InputError(f"scheduler {spec!r} has no parameter {name!r}; {near_name(name, parameters)}")
    for name, parameter in parameters.items():
        required = parameter.default is parameter.empty and parameter.kind not in (
            parameter.VAR_KEYWORD,
            parameter.VAR_POSITIONAL,
        )
        if required and name not in options:
            option = f"--{name.replace('_', '-')}" if name in OWN_OPTIONS else f"--option {name}=VALUE"
            raise InputError(f"scheduler {spec!r} needs the parameter {name!r} ({option}, or {spec}({name}=VALUE))")
        kinds = _KINDS.get(str(parameter.annotation))
        if kinds and name in options and type(options[name]) not in kinds[1]:
            raise InputError(f"{name} is {options[name]!r}; allowed: {kinds[0]}")
    with prints_to_stderr():
        return found(**options)


Spec = tuple[str, dict[str, Any]]
"""A scheduler as a user names it, and its parameters."""


def scheduler_of(text: str) -> Spec:
    """Return the scheduler that a text names, with its parameters: the inverse of `label`.

    Raises
    ------
    InputError
        If the parameters are not written as ``(parameter=value, ...)``.

    Examples
    --------
    >>> scheduler_of("fixed(cut=3)"), scheduler_of("offline(cut_rule=largest-product)")
    (('fixed', {'cut': 3}), ('offline', {'cut_rule': 'largest-product'}))
    """
    at = _opening(text)
    if at is None:
        return text, {}
    options = {}
    for part in split(text[at + 1 : -1]):
        key, equals, value = part.partition("=")
        if not (key.strip() and equals):
            raise InputError(f"scheduler {text!r}; allowed: NAME or NAME(parameter=value, ...)")
        try:
            options[key.strip()] = json.loads(value)
        except ValueError:
            options[key.strip()] = value.strip()
    return text[:at].strip(), options


def _opening(text: str) -> int | None:
    """Return where the parameters of a scheduler begin; None where there are none. A folder may have brackets, too."""
    depth = 0
    for at in range(len(text) - 1, -1, -1) if text.endswith(")") else ():
        depth += (text[at] == ")") - (text[at] == "(")
        if depth == 0:
            return at
    if "(" in re.split("[/:]", text)[-1] or text.endswith(")"):
        raise InputError(f"scheduler {text!r}; allowed: NAME or NAME(parameter=value, ...)")
    return None


def split(text: str) -> list[str]:
    """Split at the commas outside brackets and quotes."""
    parts, depth, quote = [""], 0, ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0 and not quote:
            parts.append("")
        else:
            parts[-1] += letter
    if depth or quote or not all(part.strip() for part in parts):
        raise InputError(f"{text!r} is no list; allowed: values with commas between them")
    return [part.strip() for part in parts]


def label(spec: str, options: Mapping[str, Any]) -> str:
    """Return how a scheduler and its parameters are written in results: ``fixed(cut=3)``.

    Examples
    --------
    >>> label("fixed", {"cut": 3})
    'fixed(cut=3)'
    >>> label("fifo", {})
    'fifo'
    """
    inner = ", ".join(f"{name}={value}" for name, value in options.items())
    return f"{spec}({inner})" if inner else spec
