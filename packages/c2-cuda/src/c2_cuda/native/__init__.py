"""Operators with what follows them as one kernel of NVIDIA's libraries, for compiled nets."""
