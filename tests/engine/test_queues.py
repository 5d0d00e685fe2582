"""No page waits behind somebody who thinks, acts or talks: those have hands of their own."""

from engine.jobs import JOBS
from engine.worker import CONCURRENCY
from store.jobs import QUEUES

TAKES_LONG = {"run_incident", "resume_incident", "execute", "answer_thread", "stream_answer"}
CALLS_PEOPLE = {"page_incident", "page_storm", "send_notification", "speak"}


def test_every_queue_has_hands_and_every_task_a_body() -> None:
    assert {"default", *QUEUES.values()} == CONCURRENCY.keys()
    assert QUEUES.keys() | TAKES_LONG | CALLS_PEOPLE <= {body.__name__ for body in JOBS}


def test_nobody_is_called_by_the_hands_that_take_long() -> None:
    long = {QUEUES.get(task, "default") for task in TAKES_LONG}
    assert long.isdisjoint({QUEUES.get(task, "default") for task in CALLS_PEOPLE})
