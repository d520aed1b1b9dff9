"""Operators that look at blobs or stop a net: assertions, failures, printing."""
