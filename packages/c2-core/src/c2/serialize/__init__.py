"""Files and messages of Caffe2: nets, arguments, tensors, blobs, databases, models.

- messages: read and write any message, binary or text; load_net
- arguments: Argument messages from and to Python values
- tensors: TensorProto from and to NumPy arrays
- blobs: BlobProto, in chunks; what Save and Load store
- database, minidb, protodb: key-value files
- model_files: init_net.pb with predict_net.pb, and predictors kept in a database
- budget: how much memory what is read may take
"""
