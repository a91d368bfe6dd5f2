"""The quarterly job: fetch, keep, refresh, clear."""
