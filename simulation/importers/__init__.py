"""Real logs as streams of commands: WABO receipt logs, XES logs of permits, Boston's 311 requests."""
