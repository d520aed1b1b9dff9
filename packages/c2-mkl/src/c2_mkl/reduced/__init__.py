"""Builders of native kernels in bf16 and int8. Blobs between them are kept in that form; see `storage`."""
