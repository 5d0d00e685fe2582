"""A tracker: where tickets for people are opened."""

from dataclasses import dataclass
from enum import StrEnum


class TrackerKind(StrEnum):
    """Whose API it speaks."""

    GITHUB = "github"
    GITLAB = "gitlab"
    JIRA = "jira"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class Tracker:
    """`url` is the address of the API itself, `project` is `owner/name`, a path, or a key; `user` is for Jira only.

    A webhook gets `title`, `body`, `mark` and `labels` as JSON at `url` itself; its token is optional. With no
    `services` it takes the tickets of every service.
    """

    id: str
    kind: TrackerKind
    url: str
    project: str = ""
    token_file: str = ""
    token_env: str = ""
    user: str = ""
    issue_type: str = "Task"
    services: tuple[str, ...] = ()
    allow_private: bool = False
    networks: tuple[str, ...] = ()
