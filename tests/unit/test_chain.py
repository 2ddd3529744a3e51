"""The best row of a chain is as good as the best of all closed sets of the graph, for every price ratio."""

import itertools
import random
from fractions import Fraction

import pytest

from cutlayer.profiles.chain import Graph, Operator, Value, chain, optimal_sets


def drawn(seed):
    """Draw a graph of up to 15 operators: branches, skips, several inputs and outputs, ties, work of zero."""
    rng = random.Random(seed)
    n, n_inputs = rng.randint(1, 15), rng.randint(1, 2)
    small = rng.random() < 0.5  # small numbers: many ties
    size = (lambda: rng.randint(1, 4)) if small else (lambda: rng.randint(1, 10**6))
    work = (lambda: rng.randint(0, 3)) if small else (lambda: rng.choice([0, rng.randint(1, 10**9)]))
    values, operators = [Value(f"in{i}", size()) for i in range(n_inputs)], []
    for index in range(n):
        near = max(0, len(values) - rng.choice([1, 2, 4, 20]))
        reads = {rng.randrange(near, len(values)) for _ in range(rng.randint(1, 3))}
        operators.append(Operator(f"o{index}", work(), tuple(sorted(reads))))
        values += [Value(f"v{index}.{i}", size(), index) for i in range(rng.choice([1, 1, 1, 2]))]
    read = {value for operator in operators for value in operator.reads}
    returned = [v for v in range(n_inputs, len(values)) if v not in read or rng.random() < 0.05]
    return Graph(tuple(operators), tuple(values), tuple(returned))


def closed_sets(graph):
    """Return bytes and work of every closed set, without the product's own counting."""
    n = len(graph.operators)
    parents = [{graph.values[v].maker for v in o.reads} - {-1} for o in graph.operators]
    costs = []
    for bits in range(1 << n):
        inside = {i for i in range(n) if bits >> i & 1}
        if all(parents[i] <= inside for i in inside):
            crossing = 0
            for index, value in enumerate(graph.values):
                there = value.maker == -1 or value.maker in inside
                outside = any(index in o.reads for i, o in enumerate(graph.operators) if i not in inside)
                crossing += value.wire_bytes * (there and (outside or index in graph.outputs))
            costs.append((crossing, sum(graph.operators[i].work for i in inside), len(inside)))
    return costs


def ratios(costs):
    """Return every ratio at which two sets are equally good, and one between any two: all that can tell."""
    points = {(bytes_, work) for bytes_, work, _ in costs}
    least = {}
    for bytes_, work in points:
        least[work] = min(bytes_, least.get(work, bytes_))
    ties = {
        Fraction(b - d, c - a)
        for (a, b), (c, d) in itertools.combinations(sorted(least.items()), 2)
        if c != a and b > d
    }
    edges = sorted({Fraction(0), *ties})
    return [*edges, *((a + b) / 2 for a, b in itertools.pairwise(edges)), edges[-1] + 1]


def test_the_best_row_is_as_good_as_the_best_closed_set_for_every_price_ratio():
    rows_before_the_best = 0
    for seed in range(300):
        graph = drawn(seed)
        line = chain(graph)
        rows = [graph.cost(line.edge(k)) for k in range(len(line) + 1)]
        costs = closed_sets(graph)
        for ratio in ratios(costs):
            best = min(bytes_ + ratio * work for bytes_, work, _ in costs)
            assert min(bytes_ + ratio * work for bytes_, work in rows) == best, (seed, ratio)
        rows_before_the_best += len(rows) < len(graph.operators)
        assert sorted(line.order) == list(range(len(graph.operators)))
        assert all(graph.closure(line.order[:end]) == line.edge(k) for k, end in enumerate(line.ends, start=1))
    assert rows_before_the_best > 20  # rows were merged, and nothing was lost


@pytest.mark.parametrize("seed", range(40))
def test_where_all_work_depends_on_one_operator_the_best_set_with_work_is_a_row_too(seed):
    rng = random.Random(seed)
    base = drawn(seed)
    shifted = [Operator("stem", rng.randint(1, 9), (0,))]
    values = [base.values[0], Value("stem", rng.randint(1, 10**6), 0)]
    inputs = [i for i, v in enumerate(base.values) if v.maker == -1]
    place = dict.fromkeys(inputs, 1) | {
        i: k for k, i in enumerate((i for i, v in enumerate(base.values) if v.maker >= 0), start=2)
    }
    values += [Value(v.name, v.wire_bytes, v.maker + 1) for v in base.values if v.maker >= 0]
    shifted += [Operator(o.name, o.work, tuple(sorted({place[v] for v in o.reads}))) for o in base.operators[:11]]
    values = [v for v in values if v.maker < len(shifted)]
    graph = Graph(tuple(shifted), tuple(values), tuple(place[v] for v in base.outputs if place[v] < len(values)))
    costs = [cost for cost in closed_sets(graph) if cost[1]]
    line = chain(graph)
    rows = [graph.cost(line.edge(k)) for k in range(1, len(line) + 1)]
    for ratio in ratios(costs):
        assert min(b + ratio * w for b, w in rows) == min(b + ratio * w for b, w, _ in costs)


def test_optimal_sets_are_nested_and_closed():
    for seed in range(100, 160):
        graph = drawn(seed)
        sets = optimal_sets(graph)
        assert all(small < large for small, large in itertools.pairwise(sets))
        assert all(graph.closure(sorted(one)) == one for one in sets)


def test_a_skip_crosses_beside_the_branch_and_every_tensor_once():
    # in(8) -> a(10) -> b(2) -> add, a -> add -> out(10); a is read twice and crosses once
    values = (Value("in", 8), Value("a", 10, 0), Value("b", 2, 1), Value("sum", 10, 2))
    operators = (Operator("a", 5, (0,)), Operator("b", 5, (1,)), Operator("add", 0, (1, 2)))
    graph = Graph(operators, values, (3,))
    assert [graph.cost(frozenset(range(k))) for k in range(4)] == [(8, 0), (10, 5), (12, 10), (10, 10)]
    line = chain(graph)
    assert line.names == ["a", "b"]
    assert line.ends == (1, 3)


def test_rows_are_a_layer_with_what_follows_it_unless_a_cut_between_pays():
    # conv(100), norm(100), relu(100), pool(25) | conv(100), upsample(400), conv(9)
    sizes, work = [100, 100, 100, 25, 100, 400, 9], [7, 0, 0, 0, 7, 0, 7]
    names = ["c1", "norm", "relu", "pool", "c2", "up", "c3"]
    values = (Value("in", 50), *(Value(n, s, i) for i, (n, s) in enumerate(zip(names, sizes, strict=True))))
    operators = tuple(Operator(n, w, (i,)) for i, (n, w) in enumerate(zip(names, work, strict=True)))
    line = chain(Graph(operators, values, (7,)))
    assert line.ends == (4, 5, 7)  # the cut before the upsampling is kept, as a row of its own
    assert line.names == ["c1", "c2", "c3"]


def test_a_name_used_twice_is_numbered():
    values = (Value("in", 5), Value("x", 5, 0), Value("y", 5, 1))
    line = chain(Graph((Operator("conv", 1, (0,)), Operator("conv", 1, (1,))), values, (2,)))
    assert line.names == ["conv", "conv#2"]
