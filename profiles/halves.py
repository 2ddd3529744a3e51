"""Cut an exported program in two: what runs on the edge, what runs in the cloud, and what crosses between them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from cutlayer.profiles.chain import Chain
from cutlayer.profiles.program import Program

if TYPE_CHECKING:
    from torch import fx
    from torch.export import ExportedProgram


def halves(program: Program, chain: Chain, k: int) -> tuple[ExportedProgram, ExportedProgram]:
    """Return the two programs of cut k; one after the other they give what the whole gives, bit for bit.

    Parameters
    ----------
    program : Program
    chain : Chain
        The chain of its graph.
    k : int
        The cut, from 0 (all in the cloud) to ``len(chain)``.

    Returns
    -------
    edge, cloud : ExportedProgram
        `edge` takes what the model takes and gives the tensors that cross, as a tuple; `cloud` takes these, one an
        argument, and gives what the model gives. The weights are shared with the whole, not copied.
    """
    inside = chain.edge(k)
    crossing = [program.graph.values[index].name for index in chain.crossing(k)]
    outside = set(range(len(program.graph.operators))) - inside
    return piece(program, inside, None, crossing), piece(program, outside, crossing, None)


def piece(
    program: Program,
    operators: Iterable[int],
    takes: Sequence[str] | None,
    gives: Sequence[str] | None,
    *,
    laid_out: bool = False,
) -> ExportedProgram:
    """Return a program of some operators.

    Parameters
    ----------
    program : Program
    operators : iterable of int
    takes, gives : sequence of str or None
        Names of the values it takes, one a positional argument, and gives, as a tuple; None: what the whole takes or
        gives, in the form the model has it.
    laid_out : bool
        Whether what it takes lies in memory as it did where it was made; else it is laid out so again, because what
        came over a wire is contiguous, and a later view may depend on the layout.
    """
    import torch
    from torch.export.graph_signature import InputKind, InputSpec, OutputKind, OutputSpec, TensorArgument
    from torch.utils import _pytree as pytree

    whole = program.exported
    signature = whole.graph_signature
    chosen = {name for index in operators for name in program.graph.operators[index].nodes}
    inputs = [spec for spec in signature.input_specs if spec.kind is InputKind.USER_INPUT]
    outputs = [spec for spec in signature.output_specs if spec.kind is OutputKind.USER_OUTPUT]
    in_spec, out_spec = whole.call_spec.in_spec, whole.call_spec.out_spec
    if takes is not None:
        inputs = [InputSpec(InputKind.USER_INPUT, TensorArgument(name), None) for name in takes]
        in_spec = pytree.tree_flatten(((0,) * len(inputs), {}))[1]
    if gives is not None:
        outputs = [OutputSpec(OutputKind.USER_OUTPUT, TensorArgument(name), None) for name in gives]
        out_spec = pytree.tree_flatten((0,) * len(outputs))[1]
    written = [s for s in signature.output_specs if s.kind is OutputKind.BUFFER_MUTATION and s.arg.name in chosen]
    ends = [spec.arg for spec in [*written, *outputs]]

    graph = torch.fx.Graph()
    made: dict[str, fx.Node] = {}
    kept = program.needed(chosen, [end.name for end in ends])
    weights = [s for s in signature.input_specs if s.kind is not InputKind.USER_INPUT and s.arg.name in kept]
    for spec in weights:
        made[spec.arg.name] = graph.node_copy(program.nodes[spec.arg.name])
    for spec in inputs:
        made[spec.arg.name] = graph.placeholder(spec.arg.name)
        made[spec.arg.name].meta = dict(program.nodes[spec.arg.name].meta)
    for spec in () if takes is None or laid_out else inputs:
        made[spec.arg.name] = _laid_out(graph, made[spec.arg.name])
    for name in kept:
        if name not in made:
            made[name] = graph.node_copy(program.nodes[name], lambda node: made[node.name])
    graph.output(tuple(made[end.name] if isinstance(end, TensorArgument) else end.value for end in ends))
    return _program(whole, graph, [*weights, *inputs], [*written, *outputs], in_spec, out_spec)


def _laid_out(graph: fx.Graph, node: fx.Node) -> fx.Node:
    """Return a node with the same values, its axes in the order in memory they had where it was made."""
    import torch

    stride = node.meta["val"].stride()
    order = sorted(range(len(stride)), key=lambda axis: -stride[axis])
    if order == list(range(len(stride))):
        return node
    back = [order.index(axis) for axis in range(len(stride))]
    permute, clone = torch.ops.aten.permute.default, torch.ops.aten.clone.default
    steps: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = [
        (permute, (order,), {}),
        (clone, (), {"memory_format": torch.contiguous_format}),
        (permute, (back,), {}),
    ]
    for target, arguments, options in steps:
        value = target(node.meta["val"], *arguments, **options)
        node = graph.call_function(target, (node, *arguments), options)
        node.meta["val"] = value
    return node


def _program(
    whole: ExportedProgram, graph: fx.Graph, inputs: list[Any], outputs: list[Any], *specs: Any
) -> ExportedProgram:
    import torch
    from torch.export import ExportedProgram, ExportGraphSignature, ModuleCallEntry, ModuleCallSignature

    targets = [spec.target for spec in inputs if spec.target is not None]
    return ExportedProgram(
        torch.fx.GraphModule({}, graph),
        graph,
        ExportGraphSignature(list(inputs), list(outputs)),
        {target: whole.state_dict[target] for target in targets if target in whole.state_dict},
        {},
        [ModuleCallEntry("", ModuleCallSignature([], [], *specs))],
        constants={target: whole.constants[target] for target in targets if target in whole.constants},
        verifiers=list(whole.verifiers),
    )
