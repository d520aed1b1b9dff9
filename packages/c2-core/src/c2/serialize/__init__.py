"""Messages, tensors, blobs and models as bytes and files."""
