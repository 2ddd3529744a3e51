"""From an operator graph to a chain: every cut that can pay is a prefix of one order of the operators.

A cut of a graph is a set of operators closed under predecessors. For a price ratio lambda the best one minimises
``bytes(S) + lambda * work(S)``: a minimum cut. The best sets of falling lambda are nested, so one topological
order has all of them as prefixes. All arithmetic is in whole numbers, so ties are exact. No torch here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import networkx as nx

Set = frozenset[int]


@dataclass(frozen=True)
class Value:
    """A tensor: its name, bytes on the wire, the operator that makes it (-1: an input), and the type it has."""

    name: str
    wire_bytes: int
    maker: int = -1
    shape: tuple[int, ...] = ()
    dtype: str = ""


@dataclass(frozen=True)
class Operator:
    """An operator: its name in the model, its FLOP, the values it reads (indices), and its nodes in the program."""

    name: str
    work: int
    reads: tuple[int, ...]
    nodes: tuple[str, ...] = ()
    where: str = ""


@dataclass(frozen=True)
class Graph:
    """Operators in program order (makers come before readers), values, and the indices of values returned."""

    operators: tuple[Operator, ...]
    values: tuple[Value, ...]
    outputs: tuple[int, ...]

    @cached_property
    def readers(self) -> list[Set]:
        """By value, the operators that read it."""
        readers: list[set[int]] = [set() for _ in self.values]
        for index, operator in enumerate(self.operators):
            for value in operator.reads:
                readers[value].add(index)
        return [frozenset(one) for one in readers]

    @cached_property
    def parents(self) -> list[Set]:
        """By operator, the operators whose values it reads."""
        return [frozenset(self.values[v].maker for v in operator.reads) - {-1} for operator in self.operators]

    def closure(self, seeds: Sequence[int]) -> Set:
        """Return the smallest closed set with these operators."""
        found, todo = set(seeds), list(seeds)
        while todo:
            new = self.parents[todo.pop()] - found
            found |= new
            todo += new
        return frozenset(found)

    def crossing(self, closed: Set) -> list[int]:
        """Return the values that cross: made in `closed`, or an input, and used or returned outside."""
        return [
            index
            for index, value in enumerate(self.values)
            if (value.maker == -1 or value.maker in closed)
            and (index in self.outputs or not self.readers[index] <= closed)
        ]

    def cost(self, closed: Set) -> tuple[int, int]:
        """Return the bytes that cross and the work of `closed`."""
        crossing = sum(self.values[index].wire_bytes for index in self.crossing(closed))
        return crossing, sum(self.operators[index].work for index in closed)


def optimal_sets(graph: Graph) -> list[Set]:
    """Return nested closed sets, smallest first: for every price ratio one of them is best.

    Where all work depends on one operator, every set but those without work contains it; then the best sets
    *with* work are among them too, also for ratios at which sending the input is better than all.
    """
    every = frozenset(range(len(graph.operators)))
    working = [index for index in sorted(every) if graph.operators[index].work]
    dear, cheap = sum(value.wire_bytes for value in graph.values) + 1, sum(o.work for o in graph.operators) + 1
    idle = low = _best_between(graph, frozenset(), every, dear, 1)
    if all(working[0] in graph.closure([index]) for index in working):
        low = _best_between(graph, idle | graph.closure(working[:1]), every, dear, 1)
    high = _best_between(graph, low, every, 1, cheap)
    return list(dict.fromkeys([idle, low, *_between(graph, low, high), high]))


def _between(graph: Graph, small: Set, large: Set) -> list[Set]:
    """Return the best sets strictly between two that are best for a high and a low price of work."""
    (bytes_small, work_small), (bytes_large, work_large) = graph.cost(small), graph.cost(large)
    price, unit = bytes_small - bytes_large, work_large - work_small
    if price <= 0 or unit <= 0:
        return []
    middle = _best_between(graph, small, large, price, unit)
    crossing, work = graph.cost(middle)
    if unit * crossing + price * work >= unit * bytes_small + price * work_small:
        return []
    return [*_between(graph, small, middle), middle, *_between(graph, middle, large)]


def _best_between(graph: Graph, small: Set, large: Set, price: int, unit: int) -> Set:
    """Return the closed set between two with the least ``unit * bytes + price * work``, by a minimum cut."""
    flow = nx.DiGraph()
    flow.add_nodes_from(["edge", "cloud"])

    def place(index: int) -> int | str:
        return "edge" if index == -1 or index in small else index if index in large else "cloud"

    for index in large - small:
        flow.add_edge(index, "cloud", capacity=price * graph.operators[index].work)
        for parent in graph.parents[index] - small:
            flow.add_edge(index, parent)  # without a capacity: never cut
    for index, value in enumerate(graph.values):
        maker = place(value.maker)
        users = {place(reader) for reader in graph.readers[index]} | ({"cloud"} if index in graph.outputs else set())
        if maker != "cloud" and users - {"edge"}:
            flow.add_edge(maker, ("value", index), capacity=unit * value.wire_bytes)
            for user in users - {"edge", maker}:
                flow.add_edge(("value", index), user)
    _, (edge, _) = nx.minimum_cut(flow, "edge", "cloud", flow_func=nx.algorithms.flow.boykov_kolmogorov)
    return small | {index for index in edge if isinstance(index, int)}


@dataclass(frozen=True)
class Chain:
    """An order of a graph's operators, and where its rows end in it."""

    graph: Graph
    order: tuple[int, ...]
    ends: tuple[int, ...]
    published: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ends)

    def row(self, k: int) -> tuple[int, ...]:
        """Return the operators of row k, from 1."""
        return self.order[self.ends[k - 2] if k > 1 else 0 : self.ends[k - 1]]

    def edge(self, k: int) -> Set:
        """Return the operators of rows 1..k."""
        return frozenset(self.order[: self.ends[k - 1]] if k else ())

    def crossing(self, k: int) -> list[int]:
        """Return the values that cross after row k."""
        return self.graph.crossing(self.edge(k))

    @cached_property
    def names(self) -> list[str]:
        """Names of the rows: as published, or where the operator with the most work is in the model."""
        names: list[str] = list(self.published)
        if names:
            return names
        for k in range(1, len(self) + 1):
            row = [self.graph.operators[index] for index in self.row(k)]
            most = max(operator.work for operator in row)
            name = next(o.name for o in row if o.work == most) if most else row[-1].name
            count = sum(other == name or other.startswith(f"{name}#") for other in names)
            names.append(f"{name}#{count + 1}" if count else name)
        return names


def chain(graph: Graph, label: Callable[[Operator], str | None] | None = None) -> Chain:
    """Return the chain of a graph.

    A row is one operator with work and those without work that follow, up to where the fewest bytes cross (the
    last such place): a convolution with its normalisation and activation is one row unless a cut between pays.

    Parameters
    ----------
    graph : Graph
    label : callable, optional
        The published row an operator belongs to, for networks that come as a table: rows end where it changes.
    """
    order: list[int] = []
    for closed in [*(optimal_sets(graph) if label is None else ()), frozenset(range(len(graph.operators)))]:
        order += sorted(closed.difference(order))
    last = len(order)
    if label is not None:
        labels = [str(label(graph.operators[index])) for index in order]
        ends = [k for k in range(1, last) if labels[k] != labels[k - 1]] + [last]
        return Chain(graph, tuple(order), tuple(ends), tuple(labels[end - 1] for end in ends))
    ends = []
    run = [0]  # places between which no work is done
    for place, index in enumerate(order, start=1):
        if graph.operators[index].work:
            ends.append(_least(graph, order, run))
            run = []
        run.append(place)
    ends.append(_least(graph, order, run))
    return Chain(graph, tuple(order), tuple(dict.fromkeys(end for end in [*ends, last] if end)))


def _least(graph: Graph, order: list[int], places: list[int]) -> int:
    """Return the last of the places at which the fewest bytes cross; 0 if sending the input is as good."""
    crossing = {place: graph.cost(frozenset(order[:place]))[0] for place in places}
    least = min(crossing.values())
    return 0 if crossing.get(0) == least else max(place for place in places if crossing[place] == least)
