"""What a rank hides: the statistics, each with its source."""
