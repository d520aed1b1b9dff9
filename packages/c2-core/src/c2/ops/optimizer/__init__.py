"""Parameter updates, learning rates and iteration counters. Most add lr * step, so a negative lr descends."""
