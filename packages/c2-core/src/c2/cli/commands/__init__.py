"""One module per subcommand, found by walking this folder; the function has the module's name."""
