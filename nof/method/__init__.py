"""What a rank hides: national results, one trust, ranges, change, sensitivity, mergers, age of the data. Frames in, frames out."""
