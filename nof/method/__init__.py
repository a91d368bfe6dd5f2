"""What a rank hides: functions from scores and ranks to frames, each with its source."""
