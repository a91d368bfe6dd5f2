"""A frame or facts in; a chart, a table, a card or a sentence out."""
