"""One trust, read for its board: the frames, figures, tables and sentences of a trust's briefing."""
