"""Operators that touch files: they run only in workspaces that allow "files"."""
