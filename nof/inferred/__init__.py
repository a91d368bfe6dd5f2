"""A framework year whose rules nobody has written down: what its published figures tell, and how little is in force."""
