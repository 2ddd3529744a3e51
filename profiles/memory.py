"""What an edge half holds in memory: weights, state, and the tensors that live while a row runs."""

from __future__ import annotations

import math
from typing import Any

from cutlayer.profiles.chain import Chain
from cutlayer.profiles.program import Program


def memory(program: Program, chain: Chain) -> tuple[list[int], list[int]]:
    """Return what every row holds.

    Returns
    -------
    weight_bytes : list of int
        By row, bytes of the parameters and buffers it needs and no earlier row has; a shared one counts once.
    working_bytes : list of int
        By row, the largest sum of tensors that live while one of its operators runs, in the types the model has:
        what it reads and makes, what is used later, and the buffers that rows up to here write (a cache). What a
        kernel takes for itself while it runs is not in it.
    """
    signature = program.exported.graph_signature
    written = set(signature.buffers_to_mutate.values())
    order, row_of = _order(program, chain)
    place = {name: index for index, name in enumerate(order)}
    storage: dict[str, str] = {}
    size: dict[str, int] = {}
    begin: dict[str, int] = {}
    end: dict[str, float] = {}
    for name in [*signature.user_inputs, *order]:
        node = program.nodes.get(str(name))
        if node is None:
            continue
        value = node.meta.get("val")
        base = _base(node)
        weight = program.weights.get(base or node.name)
        owner = storage.get(base, base) if base is not None else node.name
        storage[node.name] = owner
        if owner in size or owner in program.weights:
            pass
        elif weight is None:
            made: list[Any] = list(value) if isinstance(value, (list, tuple)) else [value]
            tensors = [tensor for tensor in made if hasattr(tensor, "element_size")]
            size[owner] = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
            begin[owner] = end[owner] = place.get(node.name, -1)
        for parent in node.all_input_nodes:
            used = storage.get(parent.name)
            if used in size:
                end[used] = max(end[used], place.get(node.name, -1))
    for name in signature.user_outputs:
        if storage.get(str(name)) in size:
            end[storage[str(name)]] = math.inf
    weights: list[int] = [0] * len(chain)
    state: list[int] = [0] * len(chain)
    seen: set[Any] = set()
    for k in range(1, len(chain) + 1):
        for name in program.needed([n for index in chain.row(k) for n in program.graph.operators[index].nodes]):
            if name in program.weights and program.weights[name][0] not in seen:
                key, count, target = program.weights[name]
                seen.add(key)
                (state if target in written else weights)[k - 1] += count
    live = [0] * len(order)
    for owner, count in size.items():
        for index in range(max(0, begin[owner]), int(min(end[owner], len(order) - 1)) + 1):
            live[index] += count
    working = [0] * len(chain)
    for index, name in enumerate(order):
        working[row_of[name]] = max(working[row_of[name]], live[index])
    return weights, [held + sum(state[: k + 1]) for k, held in enumerate(working)]


def _order(program: Program, chain: Chain) -> tuple[list[str], dict[str, int]]:
    """Return the nodes in the order a chain runs them, constant ones where they are first needed, and their rows."""
    row_of: dict[str, int] = {}
    for k in range(1, len(chain) + 1):
        names = [name for index in chain.row(k) for name in program.graph.operators[index].nodes]
        for name in program.needed(names):
            if program.nodes[name].op == "call_function":
                row_of.setdefault(name, k - 1)
    return list(row_of), row_of


def _base(node: Any) -> str | None:
    """Return the node whose storage a node's result shares: what a view is of, or a tuple picked from."""
    if not node.all_input_nodes:
        return None
    schema = getattr(node.target, "_schema", None)
    if schema is None:
        return str(node.all_input_nodes[0].name)
    if not any(result.alias_info is not None for result in schema.returns):
        return None
    for argument, value in zip(schema.arguments, node.args, strict=False):
        if argument.alias_info is not None and hasattr(value, "all_input_nodes"):
            return str(value.name)
    return None
