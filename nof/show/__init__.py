"""A frame in; a chart with alt text, an accessible table, a card or words out."""
