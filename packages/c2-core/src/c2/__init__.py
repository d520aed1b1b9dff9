"""c2: Caffe2 rebuilt as a family of small packages."""
