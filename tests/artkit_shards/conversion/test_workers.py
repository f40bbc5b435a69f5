import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent

import pytest

from artkit_shards import ConvertError
from artkit_shards.conversion.workers import default_workers, open_workers


@pytest.mark.parametrize("count", [1, 2])
def test_results_come_in_the_order_of_the_items(count):
    with open_workers(count) as workers:
        assert list(workers.map(abs, range(-40, 0))) == list(range(40, 0, -1))


def test_one_worker_is_this_process_and_more_are_others():
    with open_workers(1) as workers:
        assert set(workers.map(_process_id, [0, 1])) == {os.getpid()}
    with open_workers(2) as workers:
        assert os.getpid() not in set(workers.map(_process_id, [0, 1]))


def _process_id(_item):
    return os.getpid()


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="no signal masks on this system")
def test_an_interrupt_waits_for_no_worker_to_have_started_before_it_is_left_to_the_parent():
    with open_workers(2) as workers:
        held = list(workers.map(_holds_interrupts, range(8)))
    assert held[0]
    assert not _holds_interrupts(0)


def _holds_interrupts(_item):
    """Whether this process was started with interrupts held, which no handler that it sets later shows."""
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_errors_of_a_worker_come_back_as_they_are():
    with open_workers(2) as workers, pytest.raises(ZeroDivisionError, match="division"):
        list(workers.map(_divide, [1, 0]))


def _divide(item):
    return 1 / item


def test_a_worker_that_dies_is_an_error_that_says_what_to_do():
    with open_workers(2) as workers, pytest.raises(ConvertError, match=r"ended unexpectedly.*--workers 1"):
        list(workers.map(os._exit, [1]))


def test_there_is_at_least_one_worker():
    assert 1 <= default_workers() <= (os.cpu_count() or 1)


def start_sleepers(folder):
    """A process with two workers that sleep, and the ids of the workers."""
    script = folder / "parent.py"
    script.write_text(
        dedent(
            """
            import os, time
            from artkit_shards.conversion.workers import open_workers

            def work(item):
                os.write(1, b"%d\\n" % os.getpid())  # in one piece: the other worker writes at the same time
                time.sleep(600)

            if __name__ == "__main__":
                try:
                    with open_workers(2) as workers:
                        list(workers.map(work, [1, 2, 3, 4]))
                except KeyboardInterrupt:
                    print("interrupted", flush=True)
            """
        )
    )
    parent = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return parent, [int(parent.stdout.readline()) for _ in range(2)]


def test_workers_end_when_their_parent_is_killed(tmp_path):
    parent, children = start_sleepers(tmp_path)
    with parent:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        deadline = time.monotonic() + 20
        while any(_is_running(child) for child in children) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not any(_is_running(child) for child in children)


@pytest.mark.parametrize("interrupts", [1, 2])
def test_an_interrupt_ends_the_workers_at_once(tmp_path, interrupts):
    parent, children = start_sleepers(tmp_path)
    with parent:
        for _ in range(interrupts):
            parent.send_signal(signal.SIGINT)
        started = time.monotonic()
        output, errors = parent.communicate(timeout=20)
        assert time.monotonic() - started < 10
        assert "interrupted" in output, errors
        assert not any(_is_running(child) for child in children)


def _is_running(process_id):
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
