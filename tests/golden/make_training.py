"""Asks real Caffe2 what operators of training give: products, losses, metrics, fillers, optimizers.

    oracle python tests/golden/make_training.py tests/golden/data/training.npz [seed [rounds]]

A family yields (operator, inputs, arguments, outputs): how many outputs, or their names where some are inputs, or None
where Caffe2 is expected to refuse.
"""

import numpy as np
from asking import Question, gradient, main, uniform
from caffe2.proto import hsm_pb2
from caffe2.python import core, hsm_util, workspace

F = np.float32


def number(value, dtype=F):
    return np.array([value], dtype)


def linear(rng):
    for x, w, args in [((2, 3), (4, 3), {}), ((0, 3), (4, 3), {}), ((2, 3, 2, 2), (5, 12), {}),
                       ((2, 3, 4), (5, 4), {"axis": 2}), ((2, 3, 4), (5, 4), {"axis": -1}),
                       ((2, 6), (2, 2, 3, 2), {"axis_w": 2}), ((5,), (3, 5), {"axis": 0})]:  # fmt: skip
        X, W = uniform(rng, x), uniform(rng, w)
        N = int(np.prod(w[: args.get("axis_w", 1)]))
        yield "FC", [X, W, uniform(rng, N)], args, 1
        rows = int(np.prod(x[: args.get("axis", 1)])) if args.get("axis", 1) >= 0 else 6
        yield "FCGradient", [X, W, uniform(rng, (rows, N))], args, 3
        yield "FCGradient", [X, W, uniform(rng, (rows, N))], args, 2
    for args in ({}, {"axis_w": 2}):
        W = uniform(rng, (6, 4) if not args else (2, 3, 2, 2))
        X = uniform(rng, (3, 2, 3))
        yield "FCTransposed", [X, W, uniform(rng, 4)], args, 1
        yield "FCTransposedGradient", [X, W, uniform(rng, (3, 4))], args, 3
    yield "FC", [uniform(rng, (2, 3)), uniform(rng, (4, 2)), uniform(rng, 4)], {}, None
    yield "FC", [uniform(rng, (2, 3)), uniform(rng, (4, 3)), uniform(rng, 3)], {}, None
    for ta in (0, 1):
        for tb in (0, 1):
            A = uniform(rng, (2, 3, 4))
            for axis in (1, 2, -1):
                rows = int(np.prod(A.shape[:axis]))
                inner = rows if ta else 24 // rows
                B = uniform(rng, (inner, 2, 3) if not tb else (6, inner))
                args = {"axis_a": axis, "trans_a": ta, "trans_b": tb}
                yield "MatMul", [A, B], args, 1
                like = uniform(rng, ((24 // inner), 3, 2))
                yield "MatMul", [A, B, like], args, 1
            for batch in [(), (2,), (3, 2), (0,)]:
                A = uniform(rng, batch + ((4, 3) if ta else (3, 4)))
                B = uniform(rng, batch + ((2, 4) if tb else (4, 2)))
                yield "BatchMatMul", [A, B], {"trans_a": ta, "trans_b": tb}, 1
            A = uniform(rng, (2, 1) + ((4, 3) if ta else (3, 4)))
            B = uniform(rng, (5,) + ((2, 4) if tb else (4, 2)))
            yield "BatchMatMul", [A, B], {"trans_a": ta, "trans_b": tb, "broadcast": 1}, 1
            yield "BatchMatMul", [A, B], {"trans_a": ta, "trans_b": tb}, None
            yield "BatchMatMul", [A[0], B[0]], {"trans_a": ta, "trans_b": tb}, 1
            v = uniform(rng, 4)
            yield "BatchMatMul", [v, B], {"trans_a": ta, "trans_b": tb}, 1
            if not ta:  # Caffe2 gives the result a wrong shape
                yield "BatchMatMul", [A, v], {"trans_b": tb}, 1
            yield "BatchMatMul", [v, uniform(rng, 4)], {"trans_a": ta, "trans_b": tb}, 1
    for shape, args in [
        ((3, 4), {}),
        ((2, 3, 4), {"axis": 2}),
        ((2, 3, 4), {}),
        ((0, 4), {}),
        ((5,), {"axis": 0}),
    ]:
        D = int(np.prod(shape[args.get("axis", 1) :]))
        X, w, b = uniform(rng, shape), uniform(rng, D), uniform(rng, D)
        yield "ElementwiseLinear", [X, w, b], args, 1
        yield "ElementwiseLinearGradient", [uniform(rng, shape), X, w], args, 3
    for shape in [(), (3,), (2, 3), (2, 3, 4), (0, 3)]:
        X, Y = uniform(rng, shape), uniform(rng, shape)
        dZ = uniform(rng, shape[:1] or (1,))
        for type_ in ("SquaredL2Distance", "L1Distance", "CosineSimilarity", "DotProduct"):
            if shape == () and type_ == "CosineSimilarity":
                continue
            yield type_, [X, Y], {}, 1
            yield f"{type_}Gradient", [X, Y, dZ], {}, 2
    for dx, dy in ((4, 2), (3, 6), (3, 3)):
        X, Y = uniform(rng, (2, dx)), uniform(rng, (2, dy))
        for args in ({}, {"pad_value": 1.5}, {"replicate": True}):
            yield "DotProductWithPadding", [X, Y], args, 1
            yield "DotProductWithPaddingGradient", [X, Y, uniform(rng, 2)], args, 2
    zero = np.zeros((1, 3), F)
    yield "CosineSimilarity", [zero, uniform(rng, (1, 3))], {}, 1
    yield "CosineSimilarityGradient", [zero, uniform(rng, (1, 3)), uniform(rng, 1)], {}, 2
    yield "L1DistanceGradient", [zero, zero, uniform(rng, 1)], {}, 2
    yield "SquaredL2Distance", [zero, uniform(rng, 3)], {}, None


def softmax(rng):
    for shape, args in [((3, 4), {}), ((2, 3, 4), {}), ((2, 3, 4), {"axis": 2}), ((2, 3), {"axis": -1}),
                        ((5,), {"axis": 0}), ((0, 3), {}), ((2, 1), {})]:  # fmt: skip
        X = uniform(rng, shape, -5, 5)
        yield "Softmax", [X], args, 1
        yield "SoftmaxGradient", [uniform(rng, shape, 0, 1), uniform(rng, shape)], args, 1
    X = uniform(rng, (4, 3), -3, 3)
    labels, soft = np.array([0, 2, 1, 2], np.int32), F(rng.dirichlet(np.ones(3), 4))
    w, P, d = uniform(rng, 4, 0.5, 2), F(rng.dirichlet(np.ones(3), 4)), np.array(1.5, F)
    for T, mode in ((labels, 0), (labels[:, None], 0), (soft, 1)):
        for weights in ([], [w], [np.zeros(4, F)], [np.array([1, -1, 1, -2], F)]):
            for args in ({}, {"scale": 2.5}, {"average_by_batch_size": 1, "scale": 0.5}):
                args = {**args, "label_prob": mode}
                yield "SoftmaxWithLoss", [X, T, *weights], args, 2
                yield "SoftmaxWithLossGradient", [X, T, *weights, P, d], args, 1
    deep = uniform(rng, (2, 3, 4), -3, 3)
    labels6 = rng.randint(0, 4, (2, 3)).astype(np.int32)
    yield "SoftmaxWithLoss", [deep, labels6], {"axis": 2}, 2
    yield (
        "SoftmaxWithLossGradient",
        [deep, labels6, F(rng.dirichlet(np.ones(4), (2, 3))), d],
        {"axis": 2},
        1,
    )
    yield "SoftmaxWithLoss", [X, np.array([0, 3, 1, 2], np.int32)], {}, None
    yield "SoftmaxWithLoss", [X, np.array([0, -1, 1, 2], np.int32)], {}, None
    yield "SoftmaxWithLoss", [X, soft * 1.5], {"label_prob": 1}, None
    yield "SoftmaxWithLoss", [np.zeros((0, 3), F), np.zeros(0, np.int32)], {}, 2
    X = uniform(rng, (2, 3, 2, 4), -3, 3)
    labels, P = rng.randint(-1, 3, (2, 2, 4)).astype(np.int32), uniform(rng, (2, 3, 2, 4), 0, 1)
    for T in (labels, np.full_like(labels, -1)):
        for weights in ([], [uniform(rng, T.shape, 0.5, 2)]):
            for args in ({}, {"scale": 2.5}):
                yield "SpatialSoftmaxWithLoss", [X, T, *weights], args, 2
                yield "SpatialSoftmaxWithLossGradient", [X, T, *weights, P, d], args, 1
    yield "SpatialSoftmaxWithLoss", [X, np.full_like(labels, 3)], {}, None


def dropping(rng):
    X, mask = uniform(rng, (3, 4)), rng.randint(0, 2, (3, 4)).astype(bool)
    yield "Dropout", [X], {"is_test": 1, "ratio": 0.3}, 1
    yield "DropoutGrad", [X, mask], {"is_test": 0, "ratio": 0.75}, 1
    yield "DropoutGrad", [X], {"is_test": 1, "ratio": 0.75}, 1
    yield "StopGradient", [X], {}, 1
    yield "NegateGradient", [X], {}, 1


def loss(rng):
    for shape in [(), (5,), (2, 3), (0,)]:
        X = uniform(rng, shape)
        yield "AveragedLoss", [X], {}, 1
        yield "AveragedLossGradient", [X, np.array(1.5, F)], {}, 1
        yield "MakeTwoClass", [uniform(rng, shape, 0, 1)], {}, 1
        yield "MakeTwoClassGradient", [uniform(rng, (*shape, 2))], {}, 1
    for shape in [(3, 4), (5,), (2, 3, 2), (0, 3)]:
        N, D = (shape[0], int(np.prod(shape[1:]))) if len(shape) > 1 else (1, shape[0])
        X, dY = uniform(rng, shape, 0.01, 1), uniform(rng, N)
        label, soft = rng.randint(0, D, N).astype(np.int32), uniform(rng, (N, D), 0, 1)
        yield "LabelCrossEntropy", [X, label], {}, 1
        yield "LabelCrossEntropy", [X, label[:, None]], {}, 1
        yield "LabelCrossEntropyGradient", [X, label, dY], {}, 1
        yield "CrossEntropy", [X, soft], {}, 1
        yield "CrossEntropyGradient", [X, soft, dY], {}, 1
    X = np.array([[0, 1, 1e-30], [0.5, 0, 2]], F)
    yield "LabelCrossEntropy", [X, np.array([0, 2], np.int32)], {}, 1
    yield "LabelCrossEntropyGradient", [X, np.array([2, 1], np.int32), np.ones(2, F)], {}, 1
    yield "LabelCrossEntropy", [X, np.array([0, 3], np.int32)], {}, None
    yield "CrossEntropy", [X, np.full((2, 3), 0.5, F)], {}, 1
    yield "CrossEntropy", [X, np.full((2, 3), 1.5, F)], {}, None
    for args in ({}, {"log_D_trick": 1}, {"unjoined_lr_loss": 1}):
        for shape in [(), (3,), (2, 3), (2, 1, 4)]:
            x, t, g = (
                uniform(rng, shape, -9, 9),
                uniform(rng, shape, 0, 1),
                uniform(rng, shape[:-1]),
            )
            yield "SigmoidCrossEntropyWithLogits", [x, t], args, 1
            yield "SigmoidCrossEntropyWithLogitsGradient", [g, x, t], args, 1
            w = uniform(rng, shape, 0, 2)
            yield "WeightedSigmoidCrossEntropyWithLogits", [x, t, w], {}, 1
            yield "WeightedSigmoidCrossEntropyWithLogitsGradient", [g, x, t, w], {}, 1
    yield "SigmoidCrossEntropyWithLogits", [x, t], {"log_D_trick": 1, "unjoined_lr_loss": 1}, None
    for shape in [(), (5,), (2, 3)]:
        X, T, g = uniform(rng, shape, 0.1, 0.9), uniform(rng, shape, 0, 1), uniform(rng, shape)
        yield "BernoulliJSD", [X, T], {}, 1
        yield "BernoulliJSDGradient", [g, X, T], {}, 1
        Y = np.asarray(rng.choice([-1, 1], shape), np.int32)
        for args in ({}, {"margin": 0.3}):
            yield "MarginRankingCriterion", [X, T, Y], args, 1
            yield "MarginRankingCriterionGradient", [X, T, Y, g], args, 2
            yield "CosineEmbeddingCriterion", [X, Y], args, 1
            yield "CosineEmbeddingCriterionGradient", [X, Y, g], args, 1
    edges = [np.array([0, 1, 0, 1, 0.5], F), np.array([0, 1, 1, 0, 0.5], F)]
    yield "BernoulliJSD", edges, {}, 1
    X, label = uniform(rng, 6, -3, 3), np.array([2, 0, 1, 1, 0, 3], F)
    for lengths in ([], [np.array([3, 0, 2, 1], np.int32)]):
        yield "PairWiseLoss", [X, label, *lengths], {}, 1
        yield "PairWiseLossGradient", [X, label, uniform(rng, 4 if lengths else 1), *lengths], {}, 1
    yield "PairWiseLoss", [X[:, None], label[:, None]], {}, 1
    yield "PairWiseLoss", [X, label, np.array([3, 2], np.int32)], {}, None


def metric(rng):
    X, labels = uniform(rng, (20, 5)), rng.randint(0, 5, 20).astype(np.int32)
    ties = rng.randint(0, 3, (20, 5)).astype(F)
    for scores in (X, ties):
        for top_k in (1, 2, 4):
            yield "Accuracy", [scores, labels], {"top_k": top_k}, 1
        yield "MultiClassAccuracy", [scores, labels], {}, 2
    yield "Accuracy", [X[:0], labels[:0]], {}, 1
    yield "Perplexity", [uniform(rng, 7, 0.1, 1)], {}, 1
    yield "Perplexity", [np.array([0, 1], F)], {}, 1


def fill(rng):
    like, shape = np.zeros((2, 3), F), np.array([2, 3], np.int64)
    for args in ({"value": 1.5}, {"value": 3}, {"value": True}, {}, {"value": 1, "dtype": 5}, {"value": 7, "dtype": 2},
                 {"value": 0.25, "dtype": 13}, {"value": 200, "dtype": 3}, {"value": -3, "dtype": 7},
                 {"value": -300, "dtype": 9}, {"value": 300, "dtype": 8}):  # fmt: skip
        if args.get("dtype") != 3:
            yield "ConstantFill", [], {**args, "shape": [2, 3]}, 1
        if args.get("dtype") not in (3, None):
            yield "DiagonalFill", [], {**args, "shape": [3, 3]}, 1
    for refused in ({"value": "a"}, {"value": 1, "dtype": 1}, {"value": 1.0, "dtype": 2}, {"value": 300, "dtype": 7},
                    {"value": -1, "dtype": 8}, {"value": 1.0, "extra_shape": [2]}, {"value": 1.0, "input_as_shape": 1},
                    {"value": 1.0, "dtype": 0}):  # fmt: skip
        yield "ConstantFill", [], {**refused}, None
    yield "ConstantFill", [], {"value": "abc", "dtype": 4, "shape": [2]}, 1
    yield "ConstantFill", [], {}, 1
    for type_, args in (
        ("ConstantFill", {"value": 2.0}),
        ("RangeFill", {}),
        ("GivenTensorFill", {"values": [1.0] * 6}),
    ):
        yield type_, [], {**args, "shape": [2, 3]}, 1
        yield type_, [like], args, 1
        yield type_, [like[:, :1]], {**args, "extra_shape": [3]}, 1
        yield type_, [shape], {**args, "input_as_shape": 1}, 1
        yield type_, [shape[:1]], {**args, "input_as_shape": 1, "extra_shape": [3]}, 1
        yield type_, [like], {**args, "shape": [2, 3]}, None
        yield type_, [shape.astype(np.int32)], {**args, "input_as_shape": 1}, None
    yield "ConstantFill", [shape, number(7)], {"input_as_shape": 1}, 1
    for made in ([5, 2], [2, 5], [4, 2], [3, 3, 3], [1, 1]):
        yield "DiagonalFill", [], {"shape": made, "value": 2.0}, 1
    yield "DiagonalFill", [], {"shape": [2, 3, 2], "value": 2.0}, None
    yield "DiagonalFill", [], {"shape": [2], "value": 2.0}, None
    for type_, values in [("Double", [0.1, -2.5]), ("Bool", [1, 0]), ("Int16", [1, -300]), ("Int", [1, -(2**31)]),
                          ("Int64", [2**40, -1]), ("String", ["a", ""])]:  # fmt: skip
        yield f"GivenTensor{type_}Fill", [], {"values": values, "shape": [2, 1]}, 1
        yield f"GivenTensor{type_}Fill", [], {"values": values, "shape": [3]}, None
        yield f"GivenTensor{type_}Fill", [], {"values": [], "shape": [0]}, 1
    for dtype, values in [
        (1, [0.1]),
        (13, [0.1]),
        (5, [1]),
        (9, [4]),
        (2, [4]),
        (10, [4]),
        (4, ["a"]),
        ("int64", [4]),
    ]:
        yield "GivenTensorFill", [], {"values": values, "shape": [1], "dtype": dtype}, 1
    yield "GivenTensorFill", [], {"values": [1], "shape": [1]}, None
    yield "GivenTensorFill", [], {"values": [1.0], "shape": [1], "dtype": 12}, None
    yield "GivenTensorByteStringToUInt8Fill", [], {"values": ["xyz"], "shape": [3]}, 1
    yield "Float16ConstantFill", [], {"value": 1.3, "shape": [2, 2]}, 1
    yield "UniformFill", [], {"min": 1.0, "max": 1.0, "shape": [2]}, None
    empty = [shape, np.array(2, F), np.array(1, F)]
    yield "UniformFill", empty, {"input_as_shape": 1}, 1


def rate(rng):
    warm = {
        "start_warmup_multiplier": 0.2,
        "constant_warmup_num_iter": 5,
        "linear_warmup_num_iter": 10,
    }
    composite = {"sub_policy_num_iters": [5, 10, 7], "sub_policy_0_policy": "constantWarmup",
                 "sub_policy_0_multiplier": 0.25, "sub_policy_0_num_iter": 3, "sub_policy_1_policy": "inv",
                 "sub_policy_1_gamma": 0.5, "sub_policy_1_power": 1.5, "sub_policy_1_lr_scale": 8.0,
                 "sub_policy_2_policy": "fixed"}  # fmt: skip
    for policy, args in [
        ("fixed", {}), ("step", {"stepsize": 7, "gamma": 0.7}), ("exp", {"gamma": 0.95}),
        ("inv", {"gamma": 0.3, "power": 0.7}), ("poly", {"max_iter": 50, "power": 2.0}),
        ("alter", {"active_period": 3, "inactive_period": 4}),
        ("alter", {"active_period": 3, "inactive_period": 4, "active_first": False}),
        ("gate", {"num_iter": 9, "multiplier_1": 0.3, "multiplier_2": 2.0}), ("gate", {"num_iter": 9}),
        ("linearWarmup", {"start_multiplier": 0.2, "num_iter": 12}), ("constantWarmup", {"num_iter": 12}),
        ("pieceWarmup", {"m1": 0.1, "n1": 3, "m2": 0.2, "n2": 9, "m3": 0.9}),
        ("hill", {"num_iter": 8, "start_multiplier": 0.3, "gamma": 0.4, "power": 1.2, "end_multiplier": 0.2}),
        ("slope", {"num_iter_1": 4, "multiplier_1": 1.0, "num_iter_2": 16, "multiplier_2": 0.3}),
        ("cyclical", {"max_lr": 0.7, "stepsize": 6}), ("cyclical", {"max_lr": 0.7, "stepsize": 6, "decay": 0.8}),
        ("cosine", {"period": 9}), ("cosine", {"period": 9, "max_lr": 0.9, "min_lr": 0.2, "lr_shrink": 0.7}),
        ("cosine", {"period": 5, "t_mult": 2.0}), ("constantThenLinearWarmup", warm),
        ("compositeCyclical", {**warm, "cyclical_max_lr": 0.7, "cyclical_step_size": 4, "cyclical_decay": 0.9}),
        ("compositeCosine", {**warm, "cosine_period": 4, "cosine_t_mult": 1.5, "cosine_lr_shrink": 0.9}),
        ("composite", composite),
    ]:  # fmt: skip
        for iteration in (1, 4, 5, 9, 17, 22, 60):
            yield (
                "LearningRate",
                [number(iteration, np.int64)],
                {"base_lr": 0.3, "policy": policy, **args},
                1,
            )
    yield "LearningRate", [number(1, np.int64)], {"base_lr": 0.3, "policy": "unheard of"}, None
    yield "LearningRate", [number(1, np.int64)], {"policy": "fixed"}, None


def dense(rng):
    lr, t = number(-0.1), number(4, np.int64)
    for shape in [(), (3,), (2, 3)]:
        w, g, m = (uniform(rng, shape) for _ in range(3))
        v, u = uniform(rng, shape, 0.1, 1), uniform(rng, shape, 0.1, 1)
        for args in ({}, {"epsilon": 0.1, "decay": 0.5, "weight_decay": 0.2}):
            for n in (2, 3, 4):
                yield "Adagrad", [w, v, g, lr], args, n
        for args in ({}, {"beta1": 0.7, "beta2": 0.8, "epsilon": 0.1}):
            for n in (3, 4):
                yield "Adam", [w, m, v, g, lr, t], args, n
        for args in ({}, {"decay": 0.5, "momentum": 0.8, "epsilon": 0.1}):
            yield "RmsProp", [g, v, m, lr], args, 3
        for args in ({}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": 1}):
            yield "MomentumSGD", [g, m, lr], args, 2
            yield "MomentumSGDUpdate", [g, m, lr, w], args, ["out0", "out1", "in3"]
        for args in ({}, {"epsilon": 0.1, "decay": 0.5}):
            yield "Adadelta", [w, v, u, g, lr], args, 3
        n_z = np.stack([v, m], -1)
        for args in ({}, {"alpha": 0.5, "beta": 0.2, "lambda1": 0.4, "lambda2": 0.1}):
            yield "Ftrl", [w, n_z, g], args, 2
            if shape:
                yield "GFtrl", [w, n_z, g], args, 2
        yield "Ftrl", [w, n_z, g, number(0.5)], {"lambda1": 0.4}, 2
        for args in ({}, {"momentum": 2.0, "beta": 0.5}):
            yield "Storm", [w, m, number(2.0), g, number(0.1)], args, 3
        for n in (2, 3, 4):
            yield "Wngrad", [w, number(2.0), g, lr], {"epsilon": 0.3}, n
        for args in (
            {},
            {"beta1": 0.5, "epsilon": 0.1, "weight_decay": 0.3},
            {"bias_correction_first": 0},
        ):
            yield "DecayAdagrad", [w, m, v, g, lr, t], args, 3
        for iteration in (0, 2, 5, 8):
            args = {"stepsize": 3, "upper_bound_iter": 9, "scale": 0.5}
            yield "WeightScale", [w, number(iteration, np.int64)], args, 1
        for val in (4.0, 1.0):
            yield "ClipTensorByScaling", [w, number(val)], {"threshold": 2.0}, 1
            yield "ClipTensorByScaling", [w, number(val), number(0.7)], {"threshold": 2.0}, 1
        for args in ({}, {"lr_alpha": 0.3}, {"lr_alpha": 0.3, "normalized_lr_adaption": 0}):
            yield "LearningRateAdaption", [number(0.5), g, m], args, 1
        for lr_max in (9.0, 1e-3):
            for args in ({}, {"offset": 0.1, "lr_min": 0.0}):
                yield "Lars", [w, g, number(0.1), number(0.7), number(lr_max)], args, 1
    yield "Lars", [np.zeros(3, F), g[0], number(0.1), number(0.7), number(2.0)], {}, 1
    for iteration in (1, 2, 5, 30):
        for args in ({}, {"beta": 0.9, "nesterov": 1}, {"beta": 0.9, "zero_debias": 0}):
            grown = 1 - args.get("beta", 0.999) ** iteration
            state = [
                uniform(rng, 4),
                uniform(rng, 4),
                number(0.1),
                number(0.8),
                uniform(rng, 3, 0, 1),
            ]
            state += [
                F(grown) * uniform(rng, 4),
                uniform(rng, 4),
                F(grown) * uniform(rng, 5, 0.5, 1),
            ]
            inputs = [*state, uniform(rng, 4), number(iteration, np.int64)]
            yield "YellowFin", inputs, {"curv_win_width": 3, **args}, [f"in{k}" for k in range(8)]
    yield "Iter", [t], {}, ["in0"]


def sparse(rng):
    lr, t = number(-0.1), number(4, np.int64)
    for shape, rows in [
        ((5, 3), [4, 0, 2]),
        ((5, 2, 2), [3, 1]),
        ((5,), [2, 0]),
        ((5, 3), [1, 1, 3, 1]),
        ((5, 2), []),
    ]:
        for kind in (np.int32, np.int64):
            i = np.array(rows, kind)
            w, m, g = (
                uniform(rng, shape),
                uniform(rng, shape),
                uniform(rng, (len(rows), *shape[1:])),
            )
            v, u, row = (
                uniform(rng, shape, 0.1, 1),
                uniform(rng, shape, 0.1, 1),
                uniform(rng, 5, 0.1, 1),
            )
            for args in ({}, {"epsilon": 0.1, "weight_decay": 0.2}):
                yield "SparseAdagrad", [w, v, i, g, lr], args, ["in0", "in1"]
                yield "RowWiseSparseAdagrad", [w, row, i, g, lr], args, ["in0", "in1"]
            count = np.array([2, 0, 5, 1, 3], np.float64)
            args = {"weight_decay": 0.2, "counter_halflife": 4}
            yield "RowWiseSparseAdagrad", [w, row, i, g, lr, count], args, ["in0", "in1"]
            for args in ({}, {"beta1": 0.7, "beta2": 0.8, "epsilon": 0.1}):
                for more in ([], ["out3"]):
                    outputs = ["in0", "in1", "in2", *more]
                    yield "SparseAdam", [w, m, v, i, g, lr, t], args, outputs
                    yield "RowWiseSparseAdam", [w, m, row, i, g, lr, t], args, outputs
                    for at in (2, 4, 40):
                        late = {**args, "enableRAdam": True}
                        yield "SparseAdam", [w, m, v, i, g, lr, number(at, np.int64)], late, outputs
                seen = np.array([0, 5, 3, 4, 1], np.int64)
                yield (
                    "SmartDecaySparseAdam",
                    [w, m, v, seen, i, g, lr, t],
                    args,
                    ["in0", "in1", "in2", "in3"],
                )
            for args in ({}, {"momentum": 0.9, "nesterov": 1}):
                yield "SparseMomentumSGDUpdate", [g, m, lr, w, i], args, ["out0", "in1", "in3"]
            for args in ({}, {"epsilon": 0.1, "decay": 0.5}):
                yield "SparseAdadelta", [w, v, u, i, g, lr], args, ["in0", "in1", "in2"]
            n_z = np.stack([v, m], -1)
            for args in ({}, {"alpha": 0.5, "beta": 0.2, "lambda1": 0.4, "lambda2": 0.1}):
                yield "SparseFtrl", [w, n_z, i, g], args, ["in0", "in1"]
            yield "SparseFtrl", [w, n_z, i, g, number(0.5)], {}, ["in0", "in1"]
            for args in ({}, {"momentum": 2.0, "beta": 0.5}):
                yield (
                    "SparseStorm",
                    [w, m, number(2.0), g, i, number(0.1)],
                    args,
                    ["in0", "in1", "in2"],
                )
            yield "SparseWngrad", [w, number(2.0), i, g, lr], {"epsilon": 0.3}, ["in0", "in1"]
            prev, count = (
                np.array([0, 3, 9, 12, 4], np.int64),
                np.array([0, 1.5, 2, 4, 1], np.float64),
            )
            for args in ({}, {"counter_halflife": 4}):
                yield "RowWiseCounter", [prev, count, i, number(10, np.int64)], args, ["in0", "in1"]


def ranking(rng):
    y, r = uniform(rng, 9, -2, 2), np.array([2, 0, 1, 1, 3, 0, 0, 0, 1], F)
    for lengths in ([5, 0, 2, 2], [9]):
        lengths = np.array(lengths, np.int32)
        for flags in ((0, 1, 1), (1, 1, 1), (1, 0, 0), (0, 0, 1)):
            args = dict(zip(("use_ndcg_as_loss", "use_idcg_normalization", "use_exp_gain"), flags))
            yield "LambdaRankNdcg", [y, r, lengths], args, 2
        inputs = [y, lengths, uniform(rng, 9), uniform(rng, lengths.size)]
        yield "LambdaRankNdcgGradient", inputs, {}, 1


def tree(rng):
    words = hsm_pb2.NodeProto(name="w", word_ids=[0, 1, 2])
    more = hsm_pb2.NodeProto(name="m", word_ids=[3, 4])
    inner = hsm_pb2.NodeProto(name="i", children=[words, more])
    last = hsm_pb2.NodeProto(name="l", word_ids=[5, 6, 7, 8])
    whole = hsm_pb2.TreeProto(root_node=hsm_pb2.NodeProto(name="r", children=[inner, last]))
    hierarchy = hsm_util.create_hierarchy(whole)  # sets the offsets of the tree, too
    args = {"hierarchy": hierarchy.SerializeToString().decode("ascii")}
    W, b = uniform(rng, (hierarchy.size, 3)), uniform(rng, hierarchy.size)
    X, labels = uniform(rng, (6, 3)), np.array([0, 8, 3, 3, 2, 6], np.int32)
    yield "HSoftmax", [X, W, b, labels], args, 2
    kept = run("HSoftmax", [X, W, b, labels], args)
    yield "HSoftmaxGradient", [X, W, b, labels, kept, uniform(rng, 6)], args, 4
    for beam, top in ((5.0, 5), (1.2, 4)):
        args = {"tree": whole.SerializeToString().decode("ascii"), "beam": beam, "topN": top}
        yield "HSoftmaxSearch", [X, W, b], args, 2
    for counts in ([6, 3, 1, 12], [1, 2, 4, 8, 16]):
        labels = rng.permutation(np.repeat(np.arange(len(counts)), counts)).astype(np.int64)
        yield "HuffmanTreeHierarchy", [labels], {"num_classes": len(counts)}, 1


def run(type_, inputs, args):
    """The second output."""
    names = [f"run{k}" for k in range(len(inputs))]
    for name, value in zip(names, inputs):
        workspace.FeedBlob(name, value)
    workspace.RunOperatorOnce(core.CreateOperator(type_, names, ["first", "second"], **args))
    return workspace.FetchBlob("second")


FAMILIES = [linear, softmax, dropping, loss, metric, fill, rate, dense, sparse, ranking, tree]


def questions(rng):
    for family in FAMILIES:
        for type_, inputs, args, outputs in family(rng):
            names = (
                [f"out{k}" for k in range(outputs or 1)]
                if not isinstance(outputs, list)
                else outputs
            )
            inplace = [(int(n[2:]), o) for o, n in enumerate(names) if n.startswith("in")]
            question = Question(type_, inputs, args, len(names), inplace)
            if (question.ask() is None) != (outputs is None):
                raise SystemExit(
                    f"{type_} {args} {[x.shape for x in question.inputs]}: not what was expected"
                )
            yield question


FORWARD = [
    ("FC", 3, 1, [{}, {"axis": 2, "axis_w": 1}]), ("FCTransposed", 3, 1, [{}]),
    ("MatMul", 2, 1, [{}, *({"trans_a": a, "trans_b": b} for a in (0, 1) for b in (0, 1))]),
    ("BatchMatMul", 2, 1, [{}, *({"trans_a": a, "trans_b": b} for a in (0, 1) for b in (0, 1))]),
    ("ElementwiseLinear", 3, 1, [{"axis": 2}]), ("SquaredL2Distance", 2, 1, [{}]), ("L1Distance", 2, 1, [{}]),
    ("CosineSimilarity", 2, 1, [{}]), ("DotProduct", 2, 1, [{}]), ("Softmax", 1, 1, [{}, {"axis": 2}]),
    ("SoftmaxWithLoss", 2, 2, [{}, {"scale": 2.5, "label_prob": 1}]), ("SoftmaxWithLoss", 3, 2, [{"axis": 2}]),
    ("SpatialSoftmaxWithLoss", 2, 2, [{}]), ("SpatialSoftmaxWithLoss", 3, 2, [{"scale": 2.5}]),
    ("Dropout", 1, 2, [{"is_test": 0, "ratio": 0.25}, {"is_test": 1}]), ("Dropout", 1, 1, [{"is_test": 1}]),
    ("NegateGradient", 1, 1, [{}]), ("AveragedLoss", 1, 1, [{}]), ("LabelCrossEntropy", 2, 1, [{}]),
    ("CrossEntropy", 2, 1, [{}]), ("MakeTwoClass", 1, 1, [{}]),
    ("SigmoidCrossEntropyWithLogits", 2, 1, [{}, {"log_D_trick": 1}]),
    ("WeightedSigmoidCrossEntropyWithLogits", 3, 1, [{}]), ("BernoulliJSD", 2, 1, [{}]),
    ("MarginRankingCriterion", 3, 1, [{"margin": 0.5}]), ("CosineEmbeddingCriterion", 2, 1, [{"margin": 0.5}]),
    ("PairWiseLoss", 2, 1, [{}]), ("PairWiseLoss", 3, 1, [{}]), ("StopGradient", 1, 1, [{}]),
    ("DotProductWithPadding", 2, 1, [{}]), ("LambdaRankNdcg", 3, 2, [{"use_ndcg_as_loss": 1}]),
    ("HSoftmax", 4, 2, [{}]),
    ("ConstantFill", 1, 1, [{}]), ("GaussianFill", 1, 1, [{}]), ("LearningRate", 1, 1, [{}]),
]  # fmt: skip


def gradients():
    for type_, n_inputs, n_outputs, variants in FORWARD:
        for args in variants:
            yield gradient(type_, n_inputs, n_outputs, args)


if __name__ == "__main__":
    main(questions, gradients)
