"""Models to build both with Caffe2's Python layer and with c2: plain data, read by the generator and by the test.

A layer is (brew function, input or inputs, output, further arguments by position, arguments by name). "op" as the
function is an operator without parameters, its type standing first among the further arguments; "scope" is a name
scope with layers inside; "param" a parameter (shape, initializer type, its arguments) called by the output's name.
"""

MLP = [
    ("fc", "data", "fc1", (4, 5), {}),
    ("relu", "fc1", "fc1", (), {}),
    ("fc", "fc1", "fc2", (5, 3), {"weight_init": ("GaussianFill", {"std": 0.1})}),
    ("softmax", "fc2", "softmax", (), {}),
    ("op", ["softmax", "label"], "xent", ("LabelCrossEntropy",), {}),
    ("op", "xent", "loss", ("AveragedLoss",), {}),
]
EMBEDDING = [
    ("param", None, "table", ([10, 4], "UniformFill", {"min": -1.0, "max": 1.0}), {}),
    ("op", ["table", "ids"], "rows", ("Gather",), {}),
    ("fc", "rows", "fc", (4, 1), {}),
    ("op", ["fc", "target"], "dist", ("SquaredL2Distance",), {}),
    ("op", "dist", "loss", ("AveragedLoss",), {}),
]
LENET = [
    ("conv", "data", "conv1", (1, 20, 5), {}),
    ("max_pool", "conv1", "pool1", (), {"kernel": 2, "stride": 2}),
    ("conv", "pool1", "conv2", (20, 50, 5), {}),
    ("max_pool", "conv2", "pool2", (), {"kernel": 2, "stride": 2}),
    ("fc", "pool2", "fc3", (800, 500), {}),
    ("relu", "fc3", "fc3", (), {}),
    ("fc", "fc3", "pred", (500, 10), {}),
    ("softmax", "pred", "softmax", (), {}),
    ("op", ["softmax", "label"], "xent", ("LabelCrossEntropy",), {}),
    ("op", "xent", "loss", ("AveragedLoss",), {}),
    ("accuracy", ["softmax", "label"], "accuracy", (), {}),
]

LAYERS = {
    "conv": [("conv", "data", "c", (3, 8, 5), {"stride": 2, "pad": 1})],
    "conv_window": [("conv", "data", "c", (4, 8, [3, 5]), {"group": 2, "no_bias": True})],
    "conv_nhwc": [("conv", "data", "c", (3, 8, 3), {"order": "NHWC"})],
    "conv_init": [
        ("conv", "data", "c", (3, 8, 3), {"weight_init": ("MSRAFill", {}), "bias_init": ("UniformFill", {})})
    ],
    "conv_nd": [("conv_nd", "data", "c", (3, 8, [3, 3, 3]), {"strides": [1, 2, 2]})],
    "group_conv": [("group_conv", "data", "c", (4, 8, 3), {"group": 4})],
    "conv_transpose": [("conv_transpose", "data", "c", (3, 8, 4), {"stride": 2})],
    "unnamed": [("fc", "data", None, (4, 5), {}), ("fc", "data", None, (4, 5), {})],
    "fc": [("fc", "data", "f", (4, 5), {})],
    "elementwise_linear": [("elementwise_linear", "data", "e", (4,), {})],
    "prelu": [("prelu", "data", "p", (), {"num_channels": 3})],
    "pools": [
        ("max_pool", "data", "m", (), {"kernel": 3, "stride": 2}),
        ("average_pool", "m", "a", (), {"global_pooling": True}),
    ],
    "lrn": [("lrn", "data", "l", (), {"size": 5, "alpha": 1e-4, "beta": 0.75, "bias": 1.0})],
    "spatial_bn": [("spatial_bn", "data", "b", (3,), {"is_test": False, "epsilon": 1e-3, "momentum": 0.9})],
    "spatial_bn_test": [("spatial_bn", "data", "b", (3,), {"is_test": True, "epsilon": 1e-3})],
    "spatial_bn_scale": [("spatial_bn", "data", "b", (3,), {"is_test": True, "init_scale": 0.5})],
    "spatial_gn": [("spatial_gn", "data", "g", (4,), {"group": 2})],
    "instance_norm": [("instance_norm", "data", "i", (3,), {})],
    "layer_norm": [("layer_norm", "data", "n", (5,), {})],
    "moments": [("moments_with_running_stats", "data", "m", (3,), {})],
    "activations": [
        ("relu", "data", "r", (), {}),
        ("tanh", "r", "t", (), {}),
        ("softmax", "t", "s", (), {"axis": 1}),
    ],
    "arrays": [
        ("concat", ["a", "b"], "c", (), {}),
        ("concat", ["a", "b"], "d", (), {"axis": 2}),
        ("dropout", "c", "e", (), {"is_test": 0, "ratio": 0.3}),
        ("transpose", "e", "f", (), {"axes": [1, 0]}),
        ("sum", ["a", "b"], "g", (), {}),
        ("sub", ["a", "b"], "h", (), {}),
        ("mat_mul", ["a", "b"], "i", (), {"trans_b": 1}),
        ("batch_mat_mul", ["a", "b"], "j", (), {}),
        ("reduce_sum", "j", "k", (), {"axes": [0]}),
        ("arg_min", "j", "l", (), {}),
    ],
    "training": [("iter", None, "iteration", (), {}), ("accuracy", ["a", "label"], "acc", (), {})],
    "scopes": [
        ("scope", None, "left", [("fc", "data", "fc", (4, 5), {}), ("relu", "fc", "fc", (), {})], {}),
        ("scope", None, "right", [("scope", None, "inner", [("fc", "data", "fc", (4, 5), {})], {})], {}),
    ],
}  # fmt: skip

# name -> (layers, [(build function, arguments)])
TRAINING = {
    "lenet_sgd": (
        LENET,
        [
            ("add_weight_decay", {"weight_decay": 1e-3}),
            (
                "build_sgd",
                {"base_learning_rate": 0.1, "policy": "step", "stepsize": 1, "gamma": 0.999},
            ),
        ],
    ),
    "sgd_momentum": (MLP, [("build_sgd", {"base_learning_rate": 0.1, "momentum": 0.9})]),
    "sgd_plain_momentum": (
        MLP,
        [("build_sgd", {"base_learning_rate": 0.1, "momentum": 0.9, "nesterov": False})],
    ),
    "sgd_clipped": (MLP, [("build_sgd", {"base_learning_rate": 0.1, "max_gradient_norm": 2.0})]),
    "sgd_injected": (MLP, [("build_sgd", {"base_learning_rate": 0.1, "allow_lr_injection": True})]),
    "sgd_both": (
        MLP,
        [
            (
                "build_sgd",
                {"base_learning_rate": 0.1, "allow_lr_injection": True, "max_gradient_norm": 2.0},
            )
        ],
    ),
    "sgd_lars": (MLP, [("build_sgd", {"base_learning_rate": 0.1, "lars": 0.5})]),
    "sgd_sparse": (EMBEDDING, [("build_sgd", {"base_learning_rate": 0.1})]),
    "sgd_sparse_momentum": (
        EMBEDDING,
        [
            (
                "build_sgd",
                {"base_learning_rate": 0.1, "momentum": 0.9, "sparse_dedup_aggregator": "mean"},
            )
        ],
    ),
    "adam": (
        MLP,
        [
            (
                "build_adam",
                {"base_learning_rate": 0.001, "policy": "inv", "gamma": 0.1, "power": 0.5},
            )
        ],
    ),
    "adam_sparse": (
        EMBEDDING,
        [("build_adam", {"base_learning_rate": 0.001, "sparse_dedup_aggregator": "sum"})],
    ),
    "adagrad": (
        MLP,
        [("build_adagrad", {"base_learning_rate": 0.01, "epsilon": 1e-5, "decay": 0.9})],
    ),
    "adagrad_decay": (MLP, [("build_adagrad", {"base_learning_rate": 0.01, "weight_decay": 0.1})]),
    "adagrad_sparse": (EMBEDDING, [("build_adagrad", {"base_learning_rate": 0.01})]),
    "rms_prop": (MLP, [("build_rms_prop", {"base_learning_rate": 0.01, "momentum": 0.5})]),
    "adadelta": (MLP, [("build_adadelta", {"base_learning_rate": 1.0})]),
    "adadelta_sparse": (EMBEDDING, [("build_adadelta", {"base_learning_rate": 1.0})]),
    "ftrl": (MLP, [("build_ftrl", {"base_learning_rate": 0.1, "lambda1": 0.5})]),
    "ftrl_sparse": (EMBEDDING, [("build_ftrl", {"base_learning_rate": 0.1})]),
    "gftrl": (MLP, [("build_gftrl", {"base_learning_rate": 0.1, "lambda1": 0.5})]),
    "wngrad": (MLP, [("build_wngrad", {"base_learning_rate": 0.5})]),
    "wngrad_sparse": (EMBEDDING, [("build_wngrad", {"base_learning_rate": 0.5})]),
    "storm": (MLP, [("build_storm", {"base_learning_rate": 0.1})]),
    "storm_sparse": (EMBEDDING, [("build_storm", {"base_learning_rate": 0.1})]),
    "yellowfin": (MLP, [("build_yellowfin", {"base_learning_rate": 0.1, "curv_win_width": 5})]),
    "decay_adagrad": (MLP, [("build_decay_adagrad", {"base_learning_rate": 0.1, "beta1": 0.5})]),
    "decay_adagrad_sparse": (EMBEDDING, [("build_decay_adagrad", {"base_learning_rate": 0.1})]),
}
