"""The state of a thread: ids and words only. Everything of weight lies in tables and is read again."""

from typing import TypedDict


class ThreadState(TypedDict, total=False):
    """`incident_id` is also the thread; `attempt` numbers the tries; `wish` is what the investigation wants done.

    `similar` holds executions of incidents that are alike by meaning, with how much (0..1).
    """

    incident_id: str
    attempt: int
    past: list[dict[str, str]]
    similar: dict[str, float]
    wish: dict[str, object]
    execution_id: str
    outcome: str
