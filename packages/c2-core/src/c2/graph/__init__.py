"""Nets as data: building, scopes, checking, inferring, copying, summaries and pictures."""
