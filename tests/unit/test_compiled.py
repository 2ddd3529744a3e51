"""Compiled loops are cached where that is possible and work where it is not."""

import errno
import logging
from unittest import mock

import numpy as np
import pytest
from numba.core import caching

from cutlayer.simulator.compiled import compiled, inlined
from cutlayer.simulator.frames.walk import stage as frame_walk


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


@pytest.fixture
def notices(monkeypatch, caplog):
    """What is said of compiling, in a process that has said nothing yet."""
    monkeypatch.setattr("cutlayer.simulator.compiled._said", set())
    caplog.set_level(logging.INFO, "cutlayer.compiled")
    return caplog


def test_compiling_is_said_once_and_reading_the_cache_is_not(notices):
    loop = compiled(total)
    loop._cache.flush()
    loop(np.arange(5.0))
    loop(np.arange(5))  # of whole numbers: compiled again
    assert len(notices.messages) == 1 and "kept for later runs" in notices.messages[0]


def test_what_is_read_from_the_cache_is_not_said_to_be_compiled(notices, monkeypatch):
    compiled(total)(np.arange(5.0))  # is there from now on
    monkeypatch.setattr("cutlayer.simulator.compiled._said", set())
    notices.clear()
    assert compiled(total)(np.arange(5.0)) == 10.0
    assert notices.messages == []


def test_without_a_cache_it_says_that_every_run_compiles(notices):
    with mock.patch.object(caching.CacheImpl, "_locator_classes", []):
        loop = compiled(total)
    loop(np.arange(5.0))
    assert len(notices.messages) == 1 and "in every run" in notices.messages[0]


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
