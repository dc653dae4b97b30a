"""Every metric of notifications, each with its meaning. No label has a case, an alert or a person in it."""

from prometheus_client import Counter, Gauge, Histogram

ALERTS_WRITTEN = Counter(
    "duban_alerts_written_total", "Alert versions added to the feed, each counted once", ["change", "rule", "severity"]
)
EVENT_TO_ALERT = Histogram(
    "duban_event_to_alert_seconds",
    "From the Kafka time of the record that caused an alert until the alert is on the board",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800),
)
DEAD_LETTERS = Counter("duban_notifications_dead_letters_total", "Records that could not be read", ["topic", "reason"])
BATCHES_RETRIED = Counter("duban_notifications_batches_retried_total", "Batches tried again because the store failed")
FEED_READERS = Gauge("duban_feed_readers", "Open event streams of the board and the feed")
PAGES = Counter("duban_pages_total", "Pages shown", ["page"])
