"""Which process of a job this is, by the variables of launchers."""

import pytest

from c2.communicate.environment import Job, job
from c2.errors import CommunicationError

STORE = {"C2_STORE": "tcp://a:1"}
ENVIRONMENTS = [
    ({}, None),
    (
        {"C2_RANK": "1", "C2_SIZE": "4", "C2_RUN_ID": "r", **STORE},
        Job(1, 4, "tcp://a:1", "r", "c2 launch"),
    ),
    (
        {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "h", "MASTER_PORT": "5", "TORCHELASTIC_RUN_ID": "t"},
        Job(0, 2, "tcp://h:6", "t", "torchrun or Ray"),
    ),
    (
        {"OMPI_COMM_WORLD_RANK": "2", "OMPI_COMM_WORLD_SIZE": "3", "PMIX_NAMESPACE": "n", **STORE},
        Job(2, 3, "tcp://a:1", "n", "Open MPI"),
    ),
    ({"PMI_RANK": "0", "PMI_SIZE": "2", "PMI_KVS": "k", **STORE}, Job(0, 2, "tcp://a:1", "k", "MPICH")),
    (
        {"SLURM_PROCID": "1", "SLURM_NTASKS": "2", "SLURM_JOB_ID": "7", "MASTER_ADDR": "h", "MASTER_PORT": "5"},
        Job(1, 2, "tcp://h:5", "7", "srun"),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("environment", "expected"), ENVIRONMENTS)
def test_launchers(environment, expected):
    assert job(environment) == expected


def test_one_machine_needs_no_store():
    environment = {
        "PMI_RANK": "1", "PMI_SIZE": "2", "PMI_KVS": "kvs_1", "MPI_LOCALNRANKS": "2",
    }  # fmt: skip
    found = job(environment)
    assert found.store.startswith("file:///")
    assert "kvs_1" in found.store
    assert found == job({**environment, "PMI_RANK": "1"})


def test_several_machines_must_be_told_where_they_meet():
    environment = {"OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "2"}
    with pytest.raises(
        CommunicationError, match=r"Open MPI started 2 processes.*\n?.*Set C2_STORE"
    ):
        job(environment)


def test_a_rank_that_is_no_number():
    with pytest.raises(CommunicationError, match="RANK must be a whole number, got 'x'"):
        job({"RANK": "x", "WORLD_SIZE": "2"})
