"""What a rank hides: likely ranges, rank sets, change, sensitivity, peers, and the facts of each section."""
