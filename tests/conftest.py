"""Options and fixtures of all tests: `--require-backend`, `backend`."""

pytest_plugins = ["c2.testing.pytest_plugin", "pytester"]
