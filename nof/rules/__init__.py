"""The rules of each framework year, and what follows from them."""
