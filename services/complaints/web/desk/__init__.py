"""The desk: pages for clerks, agencies, heads and the office, by keyboard. They work without script."""
