"""What this process counts about its own doors, in one registry that `/metrics` prints."""

from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
STATES_NAME = "nightshift_executions"


@dataclass
class Figures:
    """The counters of the doors and the gauges that a scrape fills from the database."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        """Register each series under its name."""
        r = self.registry
        self.alerts = Counter(
            "nightshift_alerts", "Alerts by source and what became of them.", ["source", "result"], registry=r
        )
        self.flagged = Counter("nightshift_alerts_flagged", "Alerts that were cleaned or cut.", ["source"], registry=r)
        self.truncated = Counter("nightshift_alerts_truncated", "Alerts that senders left out.", ["source"], registry=r)
        self.refused = Counter(
            "nightshift_webhook_bodies_refused", "Bodies refused, by reason.", ["source", "reason"], registry=r
        )
        self.cut = Counter(
            "nightshift_bodies_cut", "Bodies too large, slow or compressed, by status.", ["status"], registry=r
        )
        self.changes = Counter(
            "nightshift_changes", "Change events by source and result.", ["source", "result"], registry=r
        )
        self.webhook_s = Histogram(
            "nightshift_webhook_seconds", "Time to answer.", ["route", "status"], buckets=SECONDS, registry=r
        )
        self.last_alert = Gauge("nightshift_last_alert_timestamp_seconds", "When the last alert came.", registry=r)
        self.firing = Gauge("nightshift_alerts_firing", "Alerts that fire.", registry=r)
        self.queue_jobs = Gauge("nightshift_queue_jobs", "Jobs that wait.", registry=r)
        self.queue_oldest_s = Gauge("nightshift_queue_oldest_seconds", "Age of the oldest job that waits.", registry=r)
        self.timers_due = Gauge("nightshift_timers_due", "Timers that are due and not taken.", registry=r)
        self.outbox = Gauge("nightshift_outbox_messages", "Messages by state.", ["state"], registry=r)
        self.outbox_oldest_s = Gauge(
            "nightshift_outbox_oldest_seconds", "Age of the oldest unsent message.", registry=r
        )
        self.executions = Gauge(STATES_NAME, "Healing executions by state.", ["state"], registry=r)
        self.unknown_open = Gauge(
            "nightshift_executions_unknown_open", "Executions whose outcome nobody knows.", registry=r
        )
        self.approvals_waiting = Gauge("nightshift_approvals_waiting", "Approvals that wait for a person.", registry=r)
        self.incidents_open = Gauge("nightshift_incidents_open", "Incidents that are not resolved.", registry=r)
