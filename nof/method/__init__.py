"""Statistics on scores and ranks: frames in, frames out."""
