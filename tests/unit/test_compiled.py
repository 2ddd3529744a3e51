"""Compiled loops are cached where that is possible and work where it is not."""

import errno
from unittest import mock

import numpy as np
import pytest
from numba.core import caching

from simulator import frame_walk
from simulator.compiled import compiled, inlined


def total(values):
    result = 0.0
    for value in values:
        result += value
    return result


@pytest.mark.parametrize("decorator", [compiled, inlined])
def test_without_a_directory_for_the_cache_loops_are_compiled_anew(decorator):
    with mock.patch.object(caching.CacheImpl, "_locator_classes", []):
        with pytest.raises(RuntimeError, match="no locator available"):
            frame_walk.calm.enable_caching()  # what numba itself says then
        loop = decorator(total)
    assert loop(np.arange(5.0)) == 10.0 and loop.signatures
    assert isinstance(loop._cache, caching.NullCache)


def test_loops_of_the_walk_are_cached():
    assert isinstance(frame_walk.stage._cache, caching.FunctionCache)


@pytest.mark.parametrize("fails", ["_save_data", "_save_index", "_load_index"])
def test_a_cache_that_is_full_or_cannot_be_read_is_done_without(fails):
    loop = compiled(total)
    loop._cache.flush()
    full = OSError(errno.ENOSPC, "No space left on device")
    with mock.patch.object(caching.IndexDataCacheFile, fails, side_effect=full) as tried:
        assert loop(np.arange(5.0)) == 10.0
    assert tried.called
