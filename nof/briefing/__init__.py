"""Run the notebooks, render, check, publish all or nothing."""
