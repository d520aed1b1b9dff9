"""CreateMutex, the lock that AtomicIter holds while it counts."""

import threading

from c2.registry import Case, OpSchema, Tensor, cases, kernel
from c2.registry.schema import NoGradient

CREATE_MUTEX = OpSchema(
    "CreateMutex",
    doc="""A new mutex: one thread at a time may hold it. It is no tensor, and cannot be saved.""",
    outputs=[Tensor("mutex_ptr", "the mutex", blob=True)],
    infer=lambda: None,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(CREATE_MUTEX)
def create_mutex(xp):
    return threading.Lock()


@cases(CREATE_MUTEX)
def create_mutex_cases(rng):
    def check(mutex):
        with mutex:
            assert not mutex.acquire(blocking=False)
        assert mutex.acquire(blocking=False)

    yield Case({}, check=check)
