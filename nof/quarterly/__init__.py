"""What happens when a publication arrives: fetch it, say what it restates, refresh the reports, clear old ones away."""
