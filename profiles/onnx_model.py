"""An ONNX file as a model: read with onnx, run and timed by onnxruntime, cut with onnx's own extractor."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cutlayer.profiles import measure
from cutlayer.profiles.chain import Chain, Graph, Operator, Value, chain
from cutlayer.profiles.program import WIRES
from cutlayer.profiles.source import Input, parse_inputs
from cutlayer.simulator.errors import InputError, UnknownNameError

_CONTROL = ("If", "Loop", "Scan", "SequenceMap")
_RANDOM = ("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli")


@dataclass
class OnnxSource:
    """As `cutlayer.profiles.source.Source`, of an ONNX file."""

    name: str
    model: Any
    chain: Chain
    inputs: list[Input]
    constant: dict[str, tuple[str, ...]]
    notes: dict[str, Any] = field(default_factory=dict)

    def memory(self) -> tuple[list[int], list[int]]:
        """Return weights and working set of every row, as `cutlayer.profiles.memory.memory`."""
        graph, line = self.chain.graph, self.chain
        size = {
            weight.name: math.prod(weight.dims) * _width(weight.data_type) for weight in self.model.graph.initializer
        }
        seen: set[str] = set()
        weights, working = [], []
        for k in range(1, len(line) + 1):
            new = {w for index in line.row(k) for w in self.constant[graph.operators[index].nodes[0]]} - seen
            seen |= new
            weights.append(sum(size.get(name, 0) for name in new))
            most = 0
            for place in range(line.ends[k - 2] if k > 1 else 0, line.ends[k - 1]):
                before = set(graph.crossing(frozenset(line.order[:place])))
                made = {i for i, value in enumerate(graph.values) if value.maker == line.order[place]}
                most = max(most, sum(_bytes(graph.values[index]) for index in before | made))
            working.append(most)
        return weights, working

    def processor(self, device: str) -> str:
        """Return what the processor calls itself."""
        return measure.processor(device)

    def versions(self) -> dict[str, str]:
        """Return what ran the model."""
        import onnxruntime

        return {"onnxruntime": str(onnxruntime.__version__)}

    def times(self, device: str, threads: int, repeats: int, warmup: int) -> Iterator[list[float]]:
        """Yield the time of every row, then of the whole, of one frame after the other [s]."""
        mark, between = measure.clocks(device, threads)
        rows = [self._session(*self._ends(k), threads) for k in range(1, len(self.chain) + 1)]
        graph = self.chain.graph
        names = [value.name for value in graph.values if value.maker == -1]
        whole = self._session(names, [graph.values[index].name for index in graph.outputs], threads)
        frame = dict(zip(names, _tensors(self.inputs), strict=True))
        for repeat in range(warmup + repeats):
            env, marks = dict(frame), [mark()]
            for row in rows:
                _step(row, env)
                marks.append(mark())
            marks_whole = [mark()]
            _step(whole, dict(frame))
            marks_whole.append(mark())
            if repeat >= warmup:
                yield [*between(marks), *between(marks_whole)]

    def activations(self, frame: Sequence[Any]) -> list[list[Any]]:
        """Return the tensors that cross, by cut from 0, for one frame: an array for every input."""
        values = self.chain.graph.values
        env = dict(zip([value.name for value in values if value.maker == -1], frame, strict=True))
        found = [list(env.values())]
        for k in range(1, len(self.chain) + 1):
            _step(self._session(*self._ends(k), 1), env)
            found.append([env[values[index].name] for index in self.chain.crossing(k)])
        return found

    def as_input(self, frame: Any) -> Any:
        """Return an array as the model takes it."""
        return frame

    def write_halves(self, k: int, folder: Path) -> list[str]:
        """Write both halves of cut k into a folder and return the names of the files."""
        import onnx

        values = self.chain.graph.values
        crossing = [values[index].name for index in self.chain.crossing(k)]
        inputs = [value.name for value in values if value.maker == -1]
        outputs = [values[index].name for index in self.chain.graph.outputs]
        onnx.save(self._part(inputs, crossing), folder / "edge.onnx")
        onnx.save(self._part(crossing, outputs), folder / "cloud.onnx")
        return ["edge.onnx", "cloud.onnx"]

    def _ends(self, k: int) -> tuple[list[str], list[str]]:
        """Return the names of what row k takes and gives."""
        graph, row = self.chain.graph, frozenset(self.chain.row(k))
        reads = {value for index in row for value in graph.operators[index].reads}
        takes = [v.name for i, v in enumerate(graph.values) if i in reads and v.maker not in row]
        made = [(i, v.name) for i, v in enumerate(graph.values) if v.maker in row]
        return takes, [name for i, name in made if i in graph.outputs or not graph.readers[i] <= row]

    def _part(self, takes: list[str], gives: list[str]) -> Any:
        """Return the model between two sets of names; what is given as it is taken passes through an Identity."""
        import onnx

        passed = [name for name in gives if name in takes]
        part = onnx.utils.Extractor(self.model).extract_model(takes, [name for name in gives if name not in passed])
        if passed:
            raise InputError(f"value {passed[0]!r} passes a half as it is; allowed in ONNX: cuts where no input passes")
        return part

    def _session(self, takes: list[str], gives: list[str], threads: int) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        part = self._part(takes, gives).SerializeToString()
        session = onnxruntime.InferenceSession(part, options, providers=["CPUExecutionProvider"])
        return session, takes, gives


def _step(row: Any, env: dict[str, Any]) -> None:
    session, takes, gives = row
    env.update(zip(gives, session.run(gives, {name: env[name] for name in takes}), strict=True))


def open_model(path: str, input_text: str | None, *, wire: str, threads: int) -> OnnxSource:
    """Read an ONNX file and find its chain.

    Raises
    ------
    InputError
        If onnx is not installed, the file is no sound model, data it names is missing, its shapes are not fixed, or an
        operator is random or control flow.
    """
    try:
        import onnx
        import onnxruntime  # noqa: F401
        from onnx import shape_inference
    except ImportError:
        raise InputError("ONNX files need onnx and onnxruntime: pip install cutlayer[onnx]") from None
    if wire not in WIRES:
        raise UnknownNameError("wire", wire, WIRES)
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model)
    except (OSError, ValueError, onnx.checker.ValidationError) as error:
        raise InputError(f"cannot be read as ONNX: {_first_line(error)}", path) from None
    except Exception as error:  # protobuf has errors of its own
        raise InputError(f"is not ONNX ({type(error).__name__})", path) from None
    weights = {weight.name for weight in model.graph.initializer}
    taken = [value for value in model.graph.input if value.name not in weights]
    if input_text is not None:
        said = parse_inputs(input_text)
        if len(said) != len(taken):
            raise InputError(f"{len(said)} inputs given; the model takes {len(taken)}", path)
        for one, value in zip(said, taken, strict=True):
            for at, dim in enumerate(value.type.tensor_type.shape.dim):
                size = (1, *one.shape)[at] if at <= len(one.shape) else 0
                if dim.dim_value not in (0, size):
                    raise InputError(f"input {one} does not fit; {value.name} has {dim.dim_value} at axis {at}", path)
                dim.dim_value = size
    else:
        for value in taken:
            for dim in value.type.tensor_type.shape.dim[:1]:
                dim.dim_value = dim.dim_value or 1
    try:
        model = shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    except Exception as error:
        raise InputError(f"its shapes do not fit: {_first_line(error)}", path) from None
    graph, constant = _graph(model, wire, path)
    inputs = [Input(v.name, v.shape[1:], v.dtype) for v in graph.values if v.maker == -1]
    held = sum(math.prod(weight.dims) for weight in model.graph.initializer)
    return OnnxSource(Path(path).stem, model, chain(graph), inputs, constant, {"parameters": held})


def _graph(model: Any, wire: str, path: str) -> tuple[Graph, dict[str, tuple[str, ...]]]:
    """Return the operator graph, and by node (its first output) the initialisers it needs."""
    weights = {weight.name: (weight.name,) for weight in model.graph.initializer}
    known = {v.name: v for v in [*model.graph.input, *model.graph.value_info, *model.graph.output]}
    values: list[Value] = []
    place: dict[str, int] = {}

    def add(name: str, maker: int) -> None:
        place[name] = len(values)
        values.append(_value(name, known.get(name), maker, wire, path))

    for value in model.graph.input:
        if value.name not in weights:
            add(value.name, -1)
    needs: dict[str, tuple[str, ...]] = dict(weights)
    operators: list[Operator] = []
    constant: dict[str, tuple[str, ...]] = {}
    for node in model.graph.node:
        at = node.name or node.output[0]
        if node.op_type in _CONTROL:
            raise InputError(f"node {at!r} is control flow ({node.op_type}); allowed: models without it", path)
        if node.op_type in _RANDOM:
            raise InputError(f"node {at!r} is random ({node.op_type}); allowed: models that are deterministic", path)
        reads = tuple(dict.fromkeys(place[name] for name in node.input if name in place))
        held = tuple(dict.fromkeys(w for name in node.input for w in needs.get(name, ())))
        if not reads:  # it depends on no input: it belongs to whichever half uses it
            needs.update(dict.fromkeys(node.output, held))
            continue
        index = len(operators)
        for name in filter(None, node.output):
            add(name, index)
        operators.append(Operator(_name(node), _work(node, values, place, known, model), reads, (node.output[0],)))
        constant[node.output[0]] = held
    outputs = tuple(place[value.name] for value in model.graph.output if value.name in place)
    return Graph(tuple(operators), tuple(values), outputs), constant


def _value(name: str, info: Any, maker: int, wire: str, path: str) -> Value:
    from onnx import helper

    kind = info.type.tensor_type if info is not None else None
    shape = tuple(dim.dim_value for dim in kind.shape.dim) if kind is not None else ()
    if kind is None or 0 in shape or any(not dim.HasField("dim_value") for dim in kind.shape.dim):
        raise InputError(
            f"the shape of {name!r} is not fixed; give --input, or export the model with fixed shapes", path
        )
    dtype = np.dtype(helper.tensor_dtype_to_np_dtype(kind.elem_type))
    width = WIRES[wire] if dtype.kind == "f" else dtype.itemsize
    return Value(name, math.prod(shape) * width, maker, shape, str(dtype))


def _work(node: Any, values: list[Value], place: dict[str, int], known: Any, model: Any) -> int:
    """Return the FLOP of a node: 2 x multiply-accumulate, of convolutions and products."""

    def shape(name: str) -> tuple[int, ...]:
        if name in place:
            return values[place[name]].shape
        for weight in model.graph.initializer:
            if weight.name == name:
                return tuple(weight.dims)
        return tuple(dim.dim_value for dim in known[name].type.tensor_type.shape.dim) if name in known else ()

    result = math.prod(shape(node.output[0]))
    if node.op_type == "Conv":
        return 2 * result * math.prod(shape(node.input[1])[1:])
    if node.op_type == "ConvTranspose":
        return 2 * math.prod(shape(node.input[0])) * math.prod(shape(node.input[1])[1:])
    if node.op_type == "MatMul":
        return 2 * result * shape(node.input[0])[-1]
    if node.op_type == "Gemm":
        turned = any(a.name == "transA" and a.i for a in node.attribute)
        return 2 * result * shape(node.input[0])[0 if turned else 1]
    return 0


def _name(node: Any) -> str:
    """Return where a node is in the model: what torch names ``/layer1/layer1.0/conv1/Conv``: layer1.0.conv1."""
    found: list[str] = []
    for part in node.name.strip("/").split("/")[:-1]:
        found = [*found[:-1], part] if found and part.startswith(f"{found[-1]}.") else [*found, part]
    kind = node.op_type.lower()
    leaf = kind in ("conv", "gemm", "convtranspose", "batchnormalization") and found
    return ".".join(found if leaf else [*found, node.name if node.name and "/" not in node.name else kind])


def _bytes(value: Value) -> int:
    return math.prod(value.shape) * np.dtype(value.dtype).itemsize


def _width(kind: int) -> int:
    from onnx import helper

    return int(np.dtype(helper.tensor_dtype_to_np_dtype(kind)).itemsize)


def _tensors(inputs: Sequence[Input]) -> list[Any]:
    """Return random arrays: floats in [0, 1), whole numbers 0 and 1."""
    rng = np.random.default_rng(0)
    drawn = [rng.random((1, *one.shape)) for one in inputs]
    return [
        (values if np.dtype(one.dtype).kind == "f" else np.floor(2 * values)).astype(one.dtype)
        for one, values in zip(inputs, drawn, strict=True)
    ]


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
