"""The rules of a year as data; from values to scores, segments and ranks; rules inferred from what was published."""
