"""Routes on trees and meshes are those that networkx finds."""

import meshes
import numpy as np
import pytest

from cutlayer.workloads.topology.build import build_network


@pytest.mark.parametrize("kind", ["tree", "mesh"])
def test_links_are_crossed_by_the_servers_whose_way_they_are_on(kind):
    longest, shared = 0, 0
    for seed in range(60):
        graph = meshes.drawn(np.random.default_rng(seed), 1 + seed % 9, kind)
        expected = meshes.crossing(graph)
        topology = build_network(
            graph, servers=graph.graph["servers"], cloud="0", route_by="distance", capacity_flop_per_s=1e9
        )
        network = topology.network
        found = {}
        for server in range(len(network.servers)):
            for link in network.links_from(server).tolist():
                ends = tuple(int(end) for end in network.links[link].split("-"))
                found.setdefault((min(ends), max(ends)), set()).add(server)
        assert found == expected
        delay = {tuple(int(end) for end in edge.ends): edge.propagation_s for edge in topology.edges}
        for server, seconds in enumerate(topology.propagation_s.tolist()):
            crossed = sorted(ends for ends, servers in expected.items() if server in servers)
            assert seconds == pytest.approx(sum(delay[ends] for ends in crossed), rel=1e-12)
        longest = max(longest, *(len(path) - 1 for path in topology.paths))
        shared += sum(len(servers) > 1 for servers in expected.values())
    assert longest >= 4 and shared > 60
