"""Optimizers: what updates the parameters of a model, added to its net after its gradients.

model.add_gradients(loss)
c2.optimizer.build_adam(model, base_learning_rate=1e-3, policy="step", stepsize=500, gamma=0.5)

Blobs are named as in Caffe2: `optimizer_iteration`, `<Class>_<n>_lr_cpu`, `<param>_momentum`, `ONE_0_0`.
"""

from c2.build.optimizer.adadelta import AdadeltaOptimizer, build_adadelta
from c2.build.optimizer.adagrad import AdagradOptimizer, build_adagrad
from c2.build.optimizer.adam import AdamOptimizer, build_adam
from c2.build.optimizer.base import AuxiliaryParameters, Optimizer, Update
from c2.build.optimizer.build import build
from c2.build.optimizer.choice import use_optimizer
from c2.build.optimizer.decay_adagrad import DecayAdagradOptimizer, build_decay_adagrad
from c2.build.optimizer.ftrl import FtrlOptimizer, GFtrlOptimizer, build_ftrl, build_gftrl
from c2.build.optimizer.rms_prop import RmsPropOptimizer, build_rms_prop
from c2.build.optimizer.sgd import SgdOptimizer, build_sgd
from c2.build.optimizer.storm import StormOptimizer, build_storm
from c2.build.optimizer.weight_decay import add_weight_decay
from c2.build.optimizer.wngrad import WngradOptimizer, build_wngrad
from c2.build.optimizer.yellow_fin import YellowFinOptimizer, build_yellowfin

__all__ = [
    "AdadeltaOptimizer", "AdagradOptimizer", "AdamOptimizer", "AuxiliaryParameters", "DecayAdagradOptimizer",
    "FtrlOptimizer", "GFtrlOptimizer", "Optimizer", "RmsPropOptimizer", "SgdOptimizer", "StormOptimizer", "Update",
    "WngradOptimizer", "YellowFinOptimizer", "add_weight_decay", "build", "build_adadelta", "build_adagrad",
    "build_adam", "build_decay_adagrad", "build_ftrl", "build_gftrl", "build_rms_prop", "build_sgd", "build_storm",
    "build_wngrad", "build_yellowfin", "use_optimizer",
]  # fmt: skip
