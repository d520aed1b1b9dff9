"""Data for training and testing: arrays in, batches of blobs out."""

from c2.data.batches import Batches, batches

__all__ = ["Batches", "batches"]
