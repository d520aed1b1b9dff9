
lenet_predict^
data
conv1_w
conv1_bconv1"Conv*

kernel*
order"NCHW*
no_gradient_to_input2B
conv1pool1"MaxPool*
order"NCHW*

kernel*

stride2E
pool1
conv2_w
conv2_bconv2"Conv*

kernel*
order"NCHW2B
conv2pool2"MaxPool*
order"NCHW*

kernel*

stride2"
pool2
fc3_w
fc3_bfc3"FC2
fc3fc3"Relu2 #
fc3
pred_w
pred_bpred"FC2!
predsoftmax"Softmax2":data:conv1_w:conv1_b:conv2_w:conv2_b:fc3_w:fc3_b:pred_w:pred_bBsoftmax