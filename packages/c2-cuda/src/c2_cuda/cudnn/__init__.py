"""cuDNN 9, called through cffi: the library, its descriptors, its algorithms."""
