"""Building models: nets with parameters, their initial values, gradients and optimizers.

- model_helper: ModelHelper, a net and the net that makes its parameters
- brew: layers, functions that add operators and parameters to a model
- initializers, parameter_info, parameter_sharing: what a parameter starts as, is, and is shared with
- optimizer: what updates parameters
- extract, export: from a trained model to init_net.pb and predict_net.pb
- train, evaluate: loops over batches
"""
