"""What a user calls a model: a registered name, ``file.py:factory`` or an exported program, read and exported."""

from __future__ import annotations

import importlib.util
import io
import logging
import os
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cutlayer import models
from cutlayer.profiles import measure
from cutlayer.profiles.chain import Chain, Operator, chain
from cutlayer.profiles.halves import halves, piece
from cutlayer.profiles.memory import memory
from cutlayer.profiles.program import Program, read, short, where
from cutlayer.simulator.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from torch.export import ExportedProgram

FORMS = "a registered name, FILE.py:NAME, an exported program (.pt2) or an ONNX file"
TYPES = ("float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")
_CHECKPOINTS = (".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle", ".safetensors")
_AXIS = "[1-9][0-9]{0,5}"
_INPUT = re.compile(rf"(?:([A-Za-z_]\w*)=)?({_AXIS}(?:x{_AXIS})*)(?::(\w+))?", re.ASCII)


@dataclass(frozen=True)
class Input:
    """One input of a model: its name (None: by position), shape without the batch, and type."""

    name: str | None
    shape: tuple[int, ...]
    dtype: str = "float32"

    def __str__(self) -> str:
        kind = "" if self.dtype == "float32" else f":{self.dtype}"
        return (f"{self.name}=" if self.name else "") + "x".join(map(str, self.shape)) + kind


@dataclass
class Source:
    """A model, exported for one frame, with its chain."""

    name: str
    program: Program
    chain: Chain
    inputs: list[Input]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    notes: dict[str, Any] = field(default_factory=dict)

    def memory(self) -> tuple[list[int], list[int]]:
        """Return weights and working set of every row, as `cutlayer.profiles.memory.memory`."""
        return memory(self.program, self.chain)

    def processor(self, device: str) -> str:
        """Return what the processor calls itself."""
        return measure.processor(device)

    def versions(self) -> dict[str, str]:
        """Return what ran the model."""
        import torch

        return {"torch": str(torch.__version__)}

    def times(self, device: str, threads: int, repeats: int, warmup: int) -> Iterator[list[float]]:
        """Yield the time of every row, then of the whole, of one frame after the other [s].

        Raises
        ------
        InputError
            If the frame does not run.
        """
        import torch

        values = [*self.args, *self.kwargs.values()]
        try:
            with measure.limited(threads), torch.no_grad():
                rows = [self._runner(k) for k in range(1, len(self.chain) + 1)]
                whole = self._runner(None)
                for frame in range(warmup + repeats):
                    parts = [_timed(part, self._inputs(values), device, threads) for part in (rows, [whole])]
                    if frame >= warmup:
                        yield [*parts[0], *parts[1]]
        except (RuntimeError, MemoryError) as error:
            shown = ",".join(map(str, self.inputs))
            raise InputError(
                f"model {self.name!r}: an input of {shown} does not run on {device} ({first_line(error)})"
            ) from None

    def as_input(self, frame: Any) -> Any:
        """Return an array as the model takes it."""
        import torch

        return torch.from_numpy(frame)

    def activations(self, frame: Sequence[Any]) -> list[list[Any]]:
        """Return the tensors that cross, by cut from 0, for one frame: a tensor for every input."""
        import torch

        env = self._inputs(list(frame))
        crossing = [self.chain.crossing(k) for k in range(len(self.chain) + 1)]
        values = self.chain.graph.values
        with torch.no_grad():
            found = [[env[values[index].name] for index in crossing[0]]]
            for k in range(1, len(self.chain) + 1):
                _step(self._runner(k), env)
                found.append([env[values[index].name] for index in crossing[k]])
        return found

    def write_halves(self, k: int, folder: Path) -> list[str]:
        """Write both halves of cut k into a folder and return the names of the files."""
        import torch

        for name, half in zip(("edge.pt2", "cloud.pt2"), halves(self.program, self.chain, k), strict=True):
            with quiet():
                torch.export.save(half, folder / name)
        return ["edge.pt2", "cloud.pt2"]

    def _inputs(self, values: list[Any]) -> dict[str, Any]:
        names = [name for name in self.program.exported.graph_signature.user_inputs if isinstance(name, str)]
        return dict(zip(names, values, strict=True))

    def _runner(self, k: int | None) -> Runner:
        """Return row k (None: the whole) ready to run, weights in hand."""
        graph, chain = self.program.graph, self.chain
        row = set(chain.row(k)) if k else set(range(len(graph.operators)))
        reads = {value for index in row for value in graph.operators[index].reads}
        takes = [v.name for i, v in enumerate(graph.values) if i in reads and v.maker not in row]
        gives = [
            v.name
            for i, v in enumerate(graph.values)
            if v.maker in row and (i in graph.outputs or not graph.readers[i] <= row)
        ]
        part = piece(self.program, row, takes, gives, laid_out=True)
        held = [spec.target for spec in part.graph_signature.input_specs if spec.target is not None]
        weights = [self.program.tensor(target) for target in held]
        return Runner(part.graph_module, weights, takes, gives, len(part.graph_signature.buffers_to_mutate))


class Runner(NamedTuple):
    """A row ready to run: a function of weights and of what it takes, and the names of what it takes and gives."""

    call: Any
    weights: list[Any]
    takes: list[str]
    gives: list[str]
    writes: int


def _step(row: Runner, env: dict[str, Any]) -> None:
    results = row.call(*row.weights, *[env[name] for name in row.takes])
    env.update(zip(row.gives, results[row.writes :], strict=True))


def _timed(rows: list[Runner], env: dict[str, Any], device: str, threads: int) -> list[float]:
    mark, between = measure.clocks(device, threads)
    marks = [mark()]
    for row in rows:
        _step(row, env)
        marks.append(mark())
    return between(marks)


def parse_inputs(text: str) -> list[Input]:
    """Read what one frame is.

    Raises
    ------
    InputError
        If the text is not such a list.

    Examples
    --------
    >>> [str(one) for one in parse_inputs("image=3x224x224,tokens=77:int64")]
    ['image=3x224x224', 'tokens=77:int64']
    """
    found = []
    for part in text.split(","):
        match = _INPUT.fullmatch(part.strip())
        if match is None:
            raise InputError(
                f"input {part!r}; allowed: a shape without the batch, such as '3x224x224', several as "
                "'image=3x224x224,tokens=77:int64'"
            )
        name, shape, dtype = match.groups()
        if dtype is not None and dtype not in TYPES:
            raise UnknownNameError(f"type of input {part!r}:", dtype, TYPES)
        found.append(Input(name, tuple(map(int, shape.split("x"))), dtype or "float32"))
    if any(one.name for one in found) and len({one.name for one in found} - {None}) < len(found):
        raise InputError(f"input {text!r}: a name is missing or used twice; allowed: names for all, or for none")
    return found


def open_model(model: str, input_text: str | None = None, *, wire: str = "uint8", device: str = "cpu") -> Source:
    """Read a model and find its chain.

    Parameters
    ----------
    model : str
        A registered name, ``file.py:name`` of a module or of a function that gives one, or a ``.pt2`` file.
    input_text : str, optional
        What one frame is, as `parse_inputs` reads it; by default what the model itself says.
    wire : {"uint8", "float16", "float32"}
        Type of a floating-point value on the wire.
    device : str
        Where the model is put: "cpu" or "cuda".

    Raises
    ------
    InputError
        If there is no such model, it cannot be exported, the input does not fit, or an operator is not
        deterministic.
    """
    import torch

    exported, module, notes, label = None, None, {}, None
    path, _, factory = model.rpartition(":")
    if path.endswith(".py"):
        name, module = factory, _from_file(Path(path), factory)
    elif model.endswith(".pt2"):
        name, exported = Path(model).stem, _load(Path(model))
    elif model.endswith(_CHECKPOINTS):
        raise InputError(f"holds weights without a model, and is not opened; allowed: {FORMS}", model)
    elif model in models.networks():
        name, module = model, models.build(model)
        notes = {"network": module.source, "parameters": module.n_parameters}
    elif os.sep in model or model.endswith((".py", ".onnx")):
        raise InputError(f"is not a model; allowed: {FORMS}", model)
    else:
        raise InputError(f"{UnknownNameError('network', model, models.networks()).message}; or {FORMS}")
    inputs = _inputs(model, module, exported, input_text)
    if module is not None:
        try:
            module = module.eval().requires_grad_(False).to(device)
        except RuntimeError as error:
            raise InputError(f"model {model!r} does not fit on {device} ({first_line(error)})") from None
        notes.setdefault("parameters", sum(weights.numel() for weights in module.parameters()))
    values = [tensor.to(device) for tensor in _tensors(inputs, torch)]
    named = {one.name: value for one, value in zip(inputs, values, strict=True) if one.name}
    args, kwargs = ((), named) if named else (tuple(values), {})
    if exported is None or input_text is not None or exported.range_constraints:
        try:
            exported = _export(exported.module() if exported is not None else module, args, kwargs)
        except Exception as error:  # whatever the model's own code or torch raises at it
            place, code = _blame(error)
            shown = ",".join(map(str, inputs))
            raise InputError(
                f"{place}{model!r} with input {shown} cannot be exported: {_reason(error)}{code}"
            ) from None
    with quiet():
        program = read(exported.run_decompositions({}), wire)
    _check_random(program)
    if isinstance(getattr(module, "output_shapes", None), tuple):  # a table: rows are as published
        label = _row
    return Source(name, program, chain(program.graph, label), inputs, args, kwargs, notes)


def _row(operator: Operator) -> str | None:
    parts = operator.name.split(".")
    return parts[1] if parts[0] == "layers" else None


def _inputs(model: str, module: Any, exported: ExportedProgram | None, text: str | None) -> list[Input]:
    """Return what one frame is: as said, or as the model says itself."""
    if text is None and exported is not None and exported.example_inputs is not None:
        args, kwargs = exported.example_inputs
        found = [*((None, value) for value in args), *kwargs.items()]
        return [Input(name, tuple(v.shape[1:]), str(v.dtype).removeprefix("torch.")) for name, v in found]
    if text is None and exported is not None and not exported.range_constraints:
        names = exported.graph_signature.user_inputs
        taken = [node.meta["val"] for node in exported.graph.nodes if node.name in names]
        return [Input(None, tuple(v.shape[1:]), str(v.dtype).removeprefix("torch.")) for v in taken]
    shape = getattr(module, "input_shape", None)
    text = text or getattr(module, "inputs", None) or ("x".join(map(str, shape)) if shape else None)
    if not isinstance(text, str):
        raise InputError(f"model {model!r} does not say what it takes; give --input, such as --input 3x224x224")
    return parse_inputs(text)


def _tensors(inputs: list[Input], torch: Any) -> Iterator[Any]:
    """Yield random tensors: floats in [0, 1), whole numbers 0 and 1 (what any vocabulary has)."""
    generator = torch.Generator().manual_seed(0)
    for one in inputs:
        dtype = getattr(torch, one.dtype)
        shape = (1, *one.shape)
        drawn = torch.rand(shape, generator=generator)
        yield drawn.to(dtype) if dtype.is_floating_point else (2 * drawn).to(torch.int64).to(dtype)


def _export(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> ExportedProgram:
    import torch

    with quiet(), torch.no_grad():
        return torch.export.export(module, args, kwargs)


def _from_file(file: Path, name: str) -> Any:
    """Return the module that a name in a file is, or gives when called."""
    import torch

    if not file.is_file():
        raise InputError("is not a file; allowed: a Python file", file)
    spec = importlib.util.spec_from_file_location(f"_model_{file.stem}", file)
    assert spec is not None and spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(file.resolve().parent))
    try:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(0)
            sys.modules[spec.name] = loaded
            _own(file, "cannot be imported", partial(spec.loader.exec_module, loaded))
            if not hasattr(loaded, name):
                known = [
                    key for key, value in vars(loaded).items() if callable(value) or isinstance(value, torch.nn.Module)
                ]
                raise InputError(UnknownNameError("model", name, known).message, file)
            found = getattr(loaded, name)
            if not isinstance(found, torch.nn.Module):
                if not callable(found):
                    raise InputError(f"{name} is {type(found).__name__}; allowed: a module or what gives one", file)
                found = _own(file, f"{name}() failed", found)
    finally:
        sys.path.remove(str(file.resolve().parent))
    if not isinstance(found, torch.nn.Module):
        raise InputError(f"{name}() gives {type(found).__name__}; allowed: a torch.nn.Module", file)
    return found


def _own(file: Path, what: str, call: Callable[..., Any]) -> Any:
    """Call what a user wrote; a failure is one line with its place."""
    try:
        return call()
    except Exception as error:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).resolve() == file.resolve()]
        number = frames[-1].lineno if frames else getattr(error, "lineno", None)
        raise InputError(f"{what}: {type(error).__name__}: {first_line(error)}", file, number) from None


def _load(file: Path) -> ExportedProgram:
    """Read an exported program; nothing in it is unpickled but tensors."""
    import torch

    if not file.is_file():
        raise InputError("is not a file; allowed: an exported program", file)
    key = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
    before = os.environ.get(key)
    os.environ[key] = "1"
    try:
        with quiet():
            return torch.export.load(file)
    except Exception as error:
        raise InputError(
            f"is not an exported program of this torch ({type(error).__name__}); allowed: what torch.export.save wrote",
            file,
        ) from None
    finally:
        os.environ.pop(key)
        if before is not None:
            os.environ[key] = before


def _check_random(program: Program) -> None:
    import torch

    for node in program.nodes.values():
        if torch.Tag.nondeterministic_seeded not in getattr(node.target, "tags", ()):
            continue
        names = [argument.name for argument in node.target._schema.arguments]  # type: ignore[union-attr]
        said = dict(zip(names, node.args, strict=False)) | dict(node.kwargs)
        drops = said.get("dropout_p", said.get("dropout", 0.0)) and said.get("train", True)
        if drops or not {"dropout_p", "dropout"} & set(names):
            raise InputError(f"{where(node)}operator {short(node)!r} is random; allowed: models that are deterministic")


def _reason(error: Exception) -> str:
    data_dependent = type(error).__name__.startswith("GuardOnDataDependent")
    return "a branch or a shape depends on the data" if data_dependent else first_line(error)


def _blame(error: Exception) -> tuple[str, str]:
    """Return the line of the user's model that an export failed at, as a message begins, and its text."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f"{os.sep}torch{os.sep}" not in f.filename]
    own = [f for f in frames if Path(f.filename) != Path(__file__)]
    return (f"{own[-1].filename}:{own[-1].lineno}: ", f" (at `{own[-1].line}`)") if own else ("", "")


@contextmanager
def quiet() -> Iterator[None]:
    """Keep torch from telling a user of our ways with it."""
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)


def first_line(error: BaseException) -> str:
    """Return the first line of a message."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
