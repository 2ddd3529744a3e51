"""Off a terminal a long job gives a sign of life every minute."""

import logging
import threading

import pytest

from cutlayer.experiments import console as module
from cutlayer.experiments.console import progress


@pytest.mark.parametrize("total, says", [(7, "job: 3 of 7 steps done after"), (None, "job: 3 steps done after")])
def test_a_line_tells_how_far_it_is(monkeypatch, caplog, total, says):
    monkeypatch.setattr(module, "EVERY_S", 0.01)
    told = threading.Event()

    class Heard(logging.Handler):
        def emit(self, record):
            if says in record.getMessage():
                told.set()

    with caplog.at_level(logging.INFO, logger="cutlayer"):
        logging.getLogger("cutlayer").addHandler(heard := Heard())
        try:
            with progress("job", total) as done:
                done(3)
                assert told.wait(20)
        finally:
            logging.getLogger("cutlayer").removeHandler(heard)
    messages = [record.getMessage() for record in caplog.records]
    assert messages[0].startswith("job: ") and messages[-1].startswith("job: done in ")


def test_a_job_that_fails_stops_its_lines(caplog):
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError), progress("job", 2):
        1 / 0  # noqa: B018
    assert threading.active_count() == before
