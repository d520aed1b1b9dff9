"""Finding and loading oneDNN: at first use, locally, and with a reason where it does not work."""

import os
import platform
import re
import shutil
import subprocess
import sys
import textwrap
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

import c2
from c2.compile.net import CompiledNet
from c2.errors import PluginError
from c2.graph.check import check_net
from c2_mkl import library, plugin

SOURCES = Path(__file__).resolve().parents[2] / "packages" / "c2-mkl" / "src" / "c2_mkl"


def run(program, **environment):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program)], check=False,
        env={**os.environ, **environment}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_plugin_page_loads_no_library(onednn):
    mapped = run("""
        import c2
        registry = c2.registry.default()
        assert "MKL" in registry.engine_order("Relu", "CPU", "")
        print("libdnnl" in open("/proc/self/maps").read())
    """)
    assert mapped == "False"


def test_disabled_it_changes_nothing(onednn):
    engines = run("""
        import c2
        print("MKL" in {mark.engine for mark in c2.registry.default().natives("MaxPool")})
    """, C2_DISABLE_PLUGINS="mkl")  # fmt: skip
    assert engines == "False"


def test_the_library_says_what_it_is(onednn):
    facts = plugin.c2_probe()
    assert facts["oneDNN"].startswith("3.")
    assert facts["from"] == library.find_library()
    assert re.search("AVX|SSE", facts["instructions"])


@pytest.mark.parametrize(
    ("system", "machine"), [("Linux", "aarch64"), ("Darwin", "arm64"), ("Windows", "AMD64")]
)
def test_it_declines_on_other_machines(monkeypatch, system, machine):
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    with pytest.raises(PluginError, match=f"for Linux on x86-64; this is {system} on {machine}"):
        plugin.c2_info()


def test_it_declines_without_the_library(monkeypatch, tmp_path):
    monkeypatch.delenv("C2_ONEDNN", raising=False)
    monkeypatch.setattr(library, "DISTRIBUTIONS", ())
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(library.ctypes.util, "find_library", lambda name: None)
    with pytest.raises(
        PluginError, match="libdnnl.so.3.* was not found. Run: pip install onednn-cpu-gomp"
    ):
        library.find_library()
    monkeypatch.setattr(library.ctypes.util, "find_library", lambda name: "libdnnl.so.2")
    with pytest.raises(PluginError, match=r"oneDNN 3.x is needed, the system has libdnnl.so.2"):
        library.find_library()
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "libdnnl.so.3").touch()
    assert library.find_library() == str(tmp_path / "lib" / "libdnnl.so.3")


def test_a_file_that_is_named_must_exist(monkeypatch, tmp_path):
    monkeypatch.setenv("C2_ONEDNN", str(tmp_path / "nothing.so"))
    with pytest.raises(PluginError, match="C2_ONEDNN names '.*nothing.so', which is no file"):
        library.find_library()


@pytest.fixture(scope="session")
def compiler():
    found = shutil.which("cc") or shutil.which("gcc")
    return found or pytest.skip("no C compiler")


def fake_library(compiler, folder, functions):
    source, target = folder / "fake.c", folder / "libdnnl.so.3"
    source.write_text(functions)
    subprocess.run([compiler, "-shared", "-fPIC", source, "-o", target], check=True)
    return str(target)


def test_a_library_that_lacks_functions_is_refused(onednn, compiler, tmp_path):
    with pytest.raises(PluginError, match="it has no function dnnl_version"):
        library.OneDNN(fake_library(compiler, tmp_path, "int nothing;"))


def test_a_missing_libgomp_is_told_as_such(onednn, compiler, tmp_path):
    """The wheel of oneDNN brings none, and slim images have none."""
    Path(fake_library(compiler, tmp_path, "int nothing;")).rename(tmp_path / "libgomp-of-none.so")
    source, target = tmp_path / "fake.c", tmp_path / "libdnnl.so.3"
    needed = ["-Wl,--no-as-needed", f"-L{tmp_path}", "-l:libgomp-of-none.so"]
    subprocess.run([compiler, "-shared", "-fPIC", source, *needed, "-o", target], check=True)
    (tmp_path / "libgomp-of-none.so").unlink()
    with pytest.raises(PluginError, match=r"Install libgomp.so.1 by the system's package manager"):
        library.OneDNN(str(target))


def test_a_library_of_another_major_version_is_refused(registry, compiler, tmp_path):
    header = (SOURCES / "c" / "shim.h").read_text(encoding="utf-8")  # which no wheel carries
    table = header.partition("} c2_onednn;")[0].rpartition("typedef struct {")[2]
    functions = set(re.findall(r"\(\*(\w+)\)\(", table)) - {"version"}
    source = "".join(
        f"int dnnl_{name}(void) {{ return 0; }}\n" for name in {*functions, "primitive_execute"}
    )
    source += (
        "static int numbers[] = {2, 7, 0}; const int *dnnl_version(void) { return numbers; }\n"
    )
    with pytest.raises(PluginError, match=r"oneDNN 3.x cannot be had .*it is version 2.7.0"):
        library.OneDNN(fake_library(compiler, tmp_path, source))
    assert_convolutions_write(registry)


def assert_convolutions_write(registry):
    """The library in use goes on working: its functions were not replaced by those of the refused one."""
    net = c2.Net("n")
    net.op("Conv", ["x", "w"], "y", kernel=1)
    net.add_external_output("y")
    workspace = c2.Workspace(registry=registry)
    workspace.feed("x", np.arange(4, dtype=np.float32).reshape(1, 1, 2, 2))
    workspace.feed("w", np.full((1, 1, 1, 1), 3, np.float32))
    made = CompiledNet(check_net(net.proto, registry), workspace, registry)
    made.run()
    workspace.blob("y").value[...] = np.nan
    made.run()
    assert [s.engine for s in made.program().stages if s.engine != "reorder"] == ["MKL"]
    np.testing.assert_array_equal(workspace["y"].ravel(), [0, 3, 6, 9])


def test_a_library_that_fails_leaves_the_reference_kernels():
    """An operator declines with the reason, and the net runs."""
    said = run("""
        import numpy as np, c2
        net = c2.Net("n"); net.proto.type = "compiled"
        net.op("Relu", "x", "y"); net.add_external_output("y")
        ws = c2.Workspace()
        ws.feed("x", np.array([-1, 2], np.float32))
        ws.create(net)
        ws.run(net)
        print(ws["y"])
    """, C2_ONEDNN=sys.executable)  # fmt: skip
    assert said == "[0. 2.]"


NUMBERS = """
#include <oneapi/dnnl/dnnl.h>
#include <stdio.h>
#define P(x) printf("%d ", (int)(x));
int main(void)
{
    P(dnnl_cpu) P(dnnl_scratchpad_mode_user) P(dnnl_stream_in_order) P(dnnl_f32) P(dnnl_format_tag_any)
    P(dnnl_forward_inference) P(dnnl_convolution_direct) P(dnnl_lrn_across_channels) P(dnnl_eltwise_relu)
    P(dnnl_query_src_md) P(dnnl_query_weights_md) P(dnnl_query_dst_md) P(dnnl_query_scratchpad_md)
    P(dnnl_query_impl_info_str) P(DNNL_ARG_SRC) P(DNNL_ARG_DST) P(DNNL_ARG_WEIGHTS) P(DNNL_ARG_BIAS)
    P(DNNL_ARG_SCRATCHPAD) P(DNNL_ARG_ATTR_MULTIPLE_POST_OP(0)) P(DNNL_ARG_ATTR_MULTIPLE_POST_OP(1))
    P(dnnl_deconvolution_direct)
    P(dnnl_aBc16b) P(dnnl_aBcd16b) P(dnnl_aBcde16b) P(dnnl_aBc8b) P(dnnl_aBcd8b) P(dnnl_aBcde8b)
    P(dnnl_forward_training) P(dnnl_query_diff_src_md) P(dnnl_query_diff_weights_md) P(dnnl_query_diff_dst_md)
    P(DNNL_ARG_DIFF_SRC) P(DNNL_ARG_DIFF_DST) P(DNNL_ARG_DIFF_WEIGHTS) P(DNNL_ARG_DIFF_BIAS)
    P(dnnl_bf16) P(dnnl_s32) P(dnnl_s8) P(dnnl_u8) P(dnnl_eltwise_tanh) P(dnnl_eltwise_elu) P(dnnl_eltwise_hardsigmoid)
    P(dnnl_eltwise_logistic) P(dnnl_eltwise_swish) P(dnnl_eltwise_clip) P(dnnl_pooling_max)
    P(dnnl_pooling_avg_include_padding) P(dnnl_pooling_avg_exclude_padding) P(dnnl_binary_add) P(dnnl_binary_mul)
    P(DNNL_ARG_SRC_1) P(DNNL_ARG_ATTR_SCALES) P(DNNL_ARG_ATTR_ZERO_POINTS) P(sizeof(dnnl_exec_arg_t)) P(DNNL_MAX_NDIMS)
    return 0;
}
"""


def test_numbers_are_those_of_the_headers(compiler, tmp_path):
    from c2_mkl import onednn_numbers as n

    try:
        files = metadata.distribution("onednn-devel-cpu-gomp").files or []
    except metadata.PackageNotFoundError:
        pytest.skip("the headers are not installed: pip install onednn-devel-cpu-gomp")
    header = next(f for f in files if str(f).endswith("oneapi/dnnl/dnnl.h"))
    include = header.locate().resolve().parents[2]
    (tmp_path / "numbers.c").write_text(NUMBERS)
    program = tmp_path / "numbers"
    subprocess.run([compiler, f"-I{include}", tmp_path / "numbers.c", "-o", program], check=True)
    found = list(
        map(
            int,
            subprocess.run([program], check=True, capture_output=True, text=True).stdout.split(),
        )
    )
    assert found == [
        n.CPU, n.SCRATCHPAD_USER, n.IN_ORDER, n.FLOAT, n.ANY, n.INFERENCE, n.DIRECT, n.ACROSS_CHANNELS, n.ELTWISE_RELU,
        n.QUERY_SOURCE, n.QUERY_WEIGHTS, n.QUERY_TARGET, n.QUERY_SCRATCHPAD, n.QUERY_NAME, n.SOURCE, n.TARGET,
        n.WEIGHTS, n.BIAS, n.SCRATCHPAD, n.POST_OP, 2 * n.POST_OP, n.DECONVOLUTION, *n.BLOCKED[16], *n.BLOCKED[8],
        n.TRAINING, n.QUERY_D_SOURCE, n.QUERY_D_WEIGHTS, n.QUERY_D_TARGET, n.D_SOURCE, n.D_TARGET, n.D_WEIGHTS,
        n.D_BIAS,
        n.BF16, n.S32, n.S8, n.U8, n.TANH, n.ELU, n.HARD_SIGMOID, n.LOGISTIC,
        n.SWISH, n.CLIP, n.MAXIMUM, n.AVERAGE, n.AVERAGE_INSIDE, n.ADD, n.MULTIPLY, n.SECOND_SOURCE, n.SCALES,
        n.ZERO_POINTS, 16, 12,
    ]  # fmt: skip
