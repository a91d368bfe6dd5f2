"""What a rank can and cannot tell: the statistics, each with its source."""
