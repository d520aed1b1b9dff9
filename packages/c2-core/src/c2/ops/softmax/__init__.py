"""Softmax, alone and together with the cross entropy that follows it."""
