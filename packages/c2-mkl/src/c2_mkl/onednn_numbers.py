"""The constants of oneDNN 3's C interface that are used; a test holds them to its headers."""

CPU, SCRATCHPAD_USER, IN_ORDER = 1, 1, 1
UNDEFINED, FLOAT, ANY = 0, 3, 1
INFERENCE, DIRECT, ACROSS_CHANNELS, ELTWISE_RELU = 96, 1, 2815, 32
QUERY_SOURCE, QUERY_WEIGHTS, QUERY_TARGET, QUERY_SCRATCHPAD, QUERY_NAME = 129, 131, 133, 136, 8
SOURCE, TARGET, WEIGHTS, BIAS, SCRATCHPAD, POST_OP = 1, 17, 33, 41, 80, 32768
# Tags of images of one to three axes whose channels come in blocks of so many.
BLOCKED = {16: (56, 78, 121), 8: (69, 102, 142)}
