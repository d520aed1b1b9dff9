"""`python -m c2.cli`: the `c2` command where its script is not on the path."""

from c2.cli.main import main

main()
