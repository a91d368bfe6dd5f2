"""What a rank cannot tell you: the frames, figures, tables and sentences of the limitations briefing."""
