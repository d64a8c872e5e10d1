import platform
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest
import torch

from dcgan.devices import configure_torch, describe, list_devices, resolve_device, resolve_precision
from dcgan.errors import UserError

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_the_cpu_is_always_there_and_auto_takes_the_first() -> None:
    names = [device.name for device in list_devices()]
    assert names[-1] == "cpu"
    assert resolve_device("auto").type == names[0]
    assert resolve_device("cpu") == CPU


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(UserError, match="Device 'cuda' is not available on this machine; available are"):
        resolve_device("cuda")


def test_precision_follows_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve_precision("float32", CPU) == torch.float32
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": False, "amx_bf16": False})
    assert resolve_precision("auto", CPU) == torch.float32
    with pytest.raises(UserError, match="no bfloat16 arithmetic; set the precision to auto or float32"):
        resolve_precision("bfloat16", CPU)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    assert resolve_precision("auto", CPU) == torch.bfloat16


def test_half_of_the_cores_are_left_to_others() -> None:
    cores = psutil.cpu_count(logical=False) or 1
    configure_torch(0)
    assert torch.get_num_threads() == max(1, cores // 2)
    configure_torch(2)
    assert torch.get_num_threads() == 2 and f"2 of {cores} cores" in describe(CPU)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries keep or give back as they like")
def test_memory_of_a_step_is_kept_for_the_next() -> None:
    """Two maps of 8 MB are 4,096 pages: without care each of 50 steps takes them anew."""
    program = (
        "import resource, torch; from dcgan.devices import configure_torch; configure_torch(1)\n"
        "def step(): torch.ones(2, 1024, 1024) + torch.ones(2, 1024, 1024)\n"
        "for _ in range(5): step()\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "for _ in range(50): step()\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 20_000
