"""Engines chosen by measuring: the kernels that engines offer for an operator race on its real shapes.

- mode: what the caller asks for, `tune=True`, "cached" or nothing
- race: times kernels, by turns
- cache: what was timed, in a file
- setting: what a time holds for: processor, versions of back ends
- tuner: the choice for a whole net, reorders between layouts counted
- rehearse: the tuned program beside the untuned one

See decision 0011.
"""
