"""From files to checked, tidy frames."""
