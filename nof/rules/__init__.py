"""The rules of each framework year: from values to scores, averages, segments and ranks."""
