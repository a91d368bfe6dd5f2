"""Files in: what NHS England published as tidy frames, every problem listed, and what a release says otherwise."""
