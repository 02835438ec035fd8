"""What a compiler's last words come to, in words that pip and g++ were seen to use."""

import pytest

from trainshed.buildpod import compilations

FAILED = """\
  building 'fast._kernels' extension
  x86_64-linux-gnu-g++ -fstack-protector-strong -Werror=format-security -c kernels.cpp -o k.o
  kernels.cpp: In function 'at::Tensor axpy(double, const at::Tensor&)':
  kernels.cpp:4:23: error: 'z' was not declared in this scope
      4 |   return x * factor + z;
        |                       ^
  error: command '/usr/bin/x86_64-linux-gnu-g++' failed with exit code 1
  error: subprocess-exited-with-error
  × python setup.py bdist_wheel did not run successfully.
  ERROR: Failed building wheel for fast
ERROR: Failed to build one or more wheels
"""


def test_the_compilers_own_line_is_shown_and_not_pips_last_ones() -> None:
    found = compilations.of(FAILED)
    assert (found.reason, found.terminal) == ("CompileFailed", True)
    assert "it said: kernels.cpp:4:23: error: 'z' was not declared in this scope |" in str(found)
    assert "Failed to build" not in str(found)


@pytest.mark.parametrize(
    "line",
    [
        "/usr/bin/ld: k.o: undefined reference to `axpy'",
        "ModuleNotFoundError: No module named 'Cython'",
        'kernels.cu(3): error: identifier "x" is undefined',
        "fatal error: cuda.h: No such file or directory",
    ],
)
def test_each_tools_first_error_is_found_among_much_else(line: str) -> None:
    said = "\n".join(["copying fast.py"] * 40 + [line] + ["note: in pip"] * 40)
    assert f"it said: {line}" in str(compilations.of(said))


def test_a_log_without_an_error_is_shown_by_its_end() -> None:
    assert "step 99" in str(compilations.of("\n".join(f"step {each}" for each in range(100))))


@pytest.mark.parametrize(
    ("said", "reason", "terminal"),
    [
        ("g++: fatal error: Killed signal terminated program cc1plus", "BuildOutOfMemory", True),
        ("", "BuildOutOfMemory", True),
        ("k.s: fatal error: write: No space left on device", "BuildNodeFull", False),
    ],
)
def test_what_the_node_lacked_is_not_the_codes_fault(
    said: str, reason: str, terminal: bool
) -> None:
    found = compilations.of(said)
    assert (found.reason, found.terminal) == (reason, terminal)


def test_a_line_that_never_ends_and_control_characters_are_no_harm() -> None:
    found = str(compilations.of("a.cpp:1: error: \x1b[31m" + "x" * 100_000 + "\x00"))
    assert len(found) < 1200
    assert found.isprintable()
