"""Operators of jobs with several processes: stores where they meet, common worlds, collectives."""
