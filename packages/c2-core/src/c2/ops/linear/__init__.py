"""Products of matrices and vectors, and distances between rows."""
