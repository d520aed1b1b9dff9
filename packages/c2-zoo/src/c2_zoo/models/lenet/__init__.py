"""LeNet (LeCun, Bottou, Bengio & Haffner, 1998) in the shape of the Caffe tutorials: digits of 28 x 28 to ten scores.

- model: the net, built with c2
- train: the loop that made init_net.pb and predict_net.pb; README.md has the command and what came of it
"""
