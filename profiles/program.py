"""An exported torch program as an operator graph: what every operator reads, makes, computes and holds."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import networkx as nx

from cutlayer.profiles.chain import Graph, Operator, Value
from cutlayer.simulator.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor, fx
    from torch.export import ExportedProgram

WIRES = {"uint8": 1, "float16": 2, "float32": 4}
"""Bytes of a floating-point value on the wire, by its type there; other types travel at their own width."""

_WHOLE = tuple(f"torch.nn.modules.{part}" for part in ("container", "transformer", "activation.MultiheadAttention"))


@dataclass
class Program:
    """A functional exported program, and the graph that its nodes make.

    Attributes
    ----------
    exported : ExportedProgram
        Without mutation: what the model writes in place is a new tensor, a buffer it writes is an output.
    graph : Graph
        An operator is a node that computes, with those that pick from its result. Nodes that read each other's
        buffer are one operator. What depends on no input (`constant`) belongs to whichever half uses it.
    values : dict
        By name of a node, the index of its value in the graph.
    """

    exported: ExportedProgram
    graph: Graph
    values: dict[str, int]
    constant: frozenset[str] = field(default=frozenset())

    @cached_property
    def nodes(self) -> dict[str, fx.Node]:
        """Nodes by name, in program order."""
        return {node.name: node for node in self.exported.graph.nodes}

    @cached_property
    def weights(self) -> dict[str, tuple[Any, int, str]]:
        """By node of a parameter, buffer or constant: which storage it is (shared ones are equal), bytes, target."""
        found = {}
        for spec in self.exported.graph_signature.input_specs:
            tensor = self.tensor(spec.target) if spec.target is not None else None
            if tensor is not None and hasattr(tensor, "untyped_storage"):
                storage = tensor.untyped_storage()
                key = (storage.data_ptr(), tensor.storage_offset(), tuple(tensor.shape)) if storage.nbytes() else spec
                found[spec.arg.name] = (key, tensor.numel() * tensor.element_size(), str(spec.target))
        return found

    def tensor(self, target: str) -> Tensor | None:
        """Return the parameter, buffer or constant of that name."""
        known = self.exported.state_dict.get(target)
        found: Tensor | None = known if known is not None else self.exported.constants.get(target)
        return found

    def needed(self, chosen: Iterable[str], ends: Iterable[str] = ()) -> list[str]:
        """Return these nodes, the constant ones they or the `ends` depend on, and the buffers they write, in order."""
        wanted = set(chosen)
        signature = self.exported.graph_signature
        written = {target for name, target in signature.buffers_to_mutate.items() if name in wanted}
        wanted.update(name for name, target in signature.inputs_to_buffers.items() if target in written)
        todo = [*wanted, *(name for name in ends if name in self.constant)]
        wanted.update(todo)
        while todo:
            new = {n.name for n in self.nodes[todo.pop()].all_input_nodes if n.name in self.constant} - wanted
            wanted |= new
            todo += new
        return [name for name in self.nodes if name in wanted]


def read(exported: ExportedProgram, wire: str) -> Program:
    """Return the graph of a functional exported program.

    Raises
    ------
    InputError
        If it has control flow or shapes that are not fixed.
    """
    nodes = {node.name: node for node in exported.graph.nodes}
    signature = exported.graph_signature
    inputs = [name for name in signature.user_inputs if isinstance(name, str)]
    mutated = {target: name for name, target in signature.buffers_to_mutate.items()}
    held = {name: target for name, target in signature.inputs_to_buffers.items() if target in mutated}
    moving = {*inputs, *held}  # nodes whose value is another one for every frame
    for node in nodes.values():
        if node.op == "call_function":
            if not hasattr(node.target, "_schema") and node.target is not operator.getitem:
                raise InputError(
                    f"{where(node)}operator {short(node)!r} is control flow; allowed: models without branches on data"
                )
            if any(parent.name in moving for parent in node.all_input_nodes):
                moving.add(node.name)
    computing = [n for n in nodes.values() if n.op == "call_function" and n.name in moving]
    groups = _groups(computing, held, mutated)
    group_of = {name: index for index, names in enumerate(groups) for name in names}
    values: dict[str, int] = {}
    tensors: list[Value] = []
    for node in [nodes[name] for name in inputs if name in nodes] + computing:
        for tensor in _tensor(node):
            values[node.name] = len(tensors)
            tensors.append(
                Value(
                    node.name,
                    wire_bytes(tensor, wire),
                    group_of.get(node.name, -1),
                    tuple(tensor.shape),
                    str(tensor.dtype).removeprefix("torch."),
                )
            )
    operators = []
    for index, names in enumerate(groups):
        reads = {values[p.name] for n in names for p in nodes[n].all_input_nodes if p.name in values}
        reads = {value for value in reads if tensors[value].maker != index}
        flop = sum(work(nodes[name]) for name in names)
        main = max(names, key=lambda name: work(nodes[name]))
        operators.append(Operator(_name(nodes[main]), flop, tuple(sorted(reads)), tuple(names), where(nodes[main])))
    returned = tuple(dict.fromkeys(values[name] for name in signature.user_outputs if name in values))
    constant = frozenset(name for name, node in nodes.items() if node.op not in ("output",) and name not in moving)
    return Program(exported, Graph(tuple(operators), tuple(tensors), returned), values, constant | frozenset(held))


def _groups(computing: list[fx.Node], held: dict[str, str], mutated: dict[str, str]) -> list[list[str]]:
    """Return the operators, each the names of its nodes, in program order."""
    tied: Any = nx.DiGraph()
    tied.add_nodes_from(node.name for node in computing)
    for node in computing:
        for parent in node.all_input_nodes:
            if parent.name in tied:
                tied.add_edge(parent.name, node.name)
                if node.target is operator.getitem:
                    tied.add_edge(node.name, parent.name)  # a result is made where its tuple is
            elif parent.name in held:  # all that read or write one buffer are on one side of a cut
                writer = mutated[held[parent.name]]
                if writer in tied:
                    tied.add_edges_from([(node.name, writer), (writer, node.name)])
    place = {node.name: index for index, node in enumerate(computing)}
    groups = [sorted(group, key=place.__getitem__) for group in nx.strongly_connected_components(tied)]
    group_of = {name: index for index, group in enumerate(groups) for name in group}
    whole: Any = nx.DiGraph()
    whole.add_nodes_from(range(len(groups)))
    whole.add_edges_from((group_of[a], group_of[b]) for a, b in tied.edges if group_of[a] != group_of[b])
    order = nx.lexicographical_topological_sort(whole, key=lambda index: place[groups[index][0]])
    return [groups[index] for index in order]


def work(node: fx.Node) -> int:
    """Return the FLOP of a node: 2 x multiply-accumulate, of convolutions, products and attention.

    Counted without storage: there torch takes no fast path that its counter does not know (attention).
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    if node.op != "call_function" or node.target is operator.getitem:
        return 0
    if "flop" not in node.meta:

        def bare(value: Any) -> Any:
            if isinstance(value, torch.fx.Node):
                return torch.utils._pytree.tree_map(bare, value.meta["val"])
            if isinstance(value, torch.Tensor):
                return torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device="meta")
            return torch.device("meta") if isinstance(value, torch.device) else value

        arguments, options = torch.fx.node.map_aggregate((node.args, node.kwargs), bare)
        counter = FlopCounterMode(display=False, custom_mapping=_products())
        try:
            with torch.no_grad(), counter:
                node.target(*arguments, **options)  # type: ignore[operator]
        except (RuntimeError, NotImplementedError):  # its shape depends on data: nothing that multiplies
            pass
        node.meta["flop"] = int(counter.get_total_flops())
    return int(node.meta["flop"])


def _products() -> dict[Any, Any]:
    """Return what torch's counter does not know: products with a vector."""
    import torch

    def flop(matrix: Any, vector: Any, *_: Any, **__: Any) -> int:
        return 2 * int(torch.Size(matrix).numel())

    return {torch.ops.aten.mv: flop, torch.ops.aten.dot: flop}


def wire_bytes(tensor: Tensor, wire: str) -> int:
    """Return the bytes of a tensor on the wire."""
    return int(tensor.numel()) * (WIRES[wire] if tensor.dtype.is_floating_point else tensor.element_size())


def where(node: fx.Node) -> str:
    """Return the line of the model's own file that a node comes from, as a message begins; empty if unknown."""
    trace = str(node.meta.get("stack_trace") or "")
    frames = [line.strip() for line in trace.splitlines() if line.strip().startswith("File ")]
    own = [line for line in frames if "/torch/" not in line] or frames
    if not own:
        return ""
    file, line, *_ = own[-1].removeprefix("File ").split(", ")
    return f"{file.strip(chr(34))}:{line.removeprefix('line ')}: "


def _name(node: fx.Node) -> str:
    """Return where a node is in the model: the module of torch that it is, or its function in a module."""
    path, kind = next(reversed((node.meta.get("nn_module_stack") or {"": ("", "")}).values()))
    kind = kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__qualname__}"
    path = path.replace("L['self'].", "").replace("L['self']", "")
    leaf = kind.startswith("torch.nn.modules.") and not kind.startswith(_WHOLE)
    return path if path and leaf else ".".join(filter(None, [path, short(node)]))


def short(node: fx.Node) -> str:
    """Return what an operator is called, without namespace and overload."""
    return str(getattr(node.target, "__name__", node.target)).partition(".")[0]


def _tensor(node: fx.Node) -> list[Tensor]:
    """Return the tensor a node makes, without storage; none where it makes a tuple or nothing."""
    import torch

    value = node.meta.get("val")
    if isinstance(value, (torch.SymInt, torch.SymFloat, torch.SymBool)):
        raise InputError(
            f"{where(node)}operator {short(node)!r} makes a size that depends on data; allowed: fixed shapes"
        )
    if isinstance(value, torch.Tensor):
        if not all(isinstance(n, int) for n in value.shape):
            raise InputError(
                f"{where(node)}operator {short(node)!r} makes a shape that depends on data; allowed: fixed shapes"
            )
        return [value]
    return []
