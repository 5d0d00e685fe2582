"""Every job by its name. Jobs run at least once, so each body may be repeated without harm."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from procrastinate import App, BaseRetryStrategy, PsycopgConnector, RetryDecision
from procrastinate.jobs import Job

from core.errors import IllegalTransition, NightshiftError, NotFound
from engine import (
    aggregating,
    answering,
    escalating,
    flapping,
    following,
    healing,
    incidents,
    storms,
    streaming_answers,
    sweeping,
    telling,
    undoing,
    verifying,
    voicing,
    writeback,
)
from engine.house import House

log = structlog.get_logger(__name__)

CONNECTIONS_MAX = 8
ATTEMPTS_MAX = 10
RETRY_S_MAX = 60


async def tell_approvals(house: House, incident_id: str) -> None:
    """Publish a card that a person's own request has made."""
    await incidents.tell_approvals(house, UUID(incident_id))


JOBS: tuple[Callable[..., Awaitable[None]], ...] = (
    telling.page_incident,
    storms.page_storm,
    storms.end_storm,
    flapping.settle_flapping,
    aggregating.aggregate_alerts,
    telling.send_notification,
    voicing.speak,
    following.follow_incident,
    following.follow_cards,
    escalating.escalate_incident,
    incidents.run_incident,
    incidents.resume_incident,
    incidents.resolve_incident,
    incidents.late_alert,
    incidents.embed_fixes,
    tell_approvals,
    healing.execute,
    verifying.start_verifying,
    verifying.verify_execution,
    verifying.watch_execution,
    verifying.settle,
    undoing.propose_way_back,
    sweeping.probe_execution,
    writeback.sentry_comment,
    answering.answer_thread,
    streaming_answers.stream_answer,
)


class Retry(BaseRetryStrategy):
    """Again with growing pauses, unless trying again cannot help."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """None ends the job as failed; what it should have done is in its row, and the log says why."""
        if isinstance(exception, NightshiftError) and not exception.retryable:
            return None
        if job.attempts >= ATTEMPTS_MAX:
            return None
        return RetryDecision(retry_in={"seconds": min(2**job.attempts, RETRY_S_MAX)})


async def _run(body: Callable[..., Awaitable[None]], house: House, **args: Any) -> None:
    try:
        await body(house, **args)
    except (IllegalTransition, NotFound) as error:
        # Another worker, a person or time was quicker: the row is right, this job is late.
        log.info("job.late", job=body.__name__, detail=error.detail)
    except Exception as error:
        log.warning("job.failed", job=body.__name__, args=args, error=repr(error), exc_info=True)
        raise


def build_app(house: House) -> App:
    """A procrastinate app for this house; built anew for each, since tasks hold the house."""
    connector = PsycopgConnector(conninfo=house.store.url, min_size=1, max_size=CONNECTIONS_MAX)
    app = App(connector=connector)
    for body in JOBS:
        app.task(name=body.__name__, retry=Retry())(partial(_run, body, house))
    return app
