"""The `c2` command. typer and rich are imported here and nowhere else."""
