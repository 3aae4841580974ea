"""What a solver would have found missing in an explicit list."""

import pytest

from envtool.engines.protocol import Solution, SolveRequest
from envtool.errors import EnvtoolError, ExitCode
from envtool.model import Archive, Package
from envtool.operations.steps.explicit_lists import require_python

LIST = SolveRequest(archives=(Archive("https://host/noarch/idna-3.20-pyh_0.conda"),))
IDNA = Package("idna", "3.20", "conda", build="pyh_0")
READ = Package("leaf", "1.0", "conda", build="0", depends=("python >=3.8",))


@pytest.mark.parametrize("package", [IDNA, READ])
def test_a_list_without_the_python_that_it_needs_is_refused(package: Package) -> None:
    with pytest.raises(EnvtoolError) as caught:
        require_python(Solution(LIST, link=(package,)))
    assert caught.value.code == ExitCode.BAD_INPUT
    assert "python" in caught.value.message
    assert package.name in caught.value.message


@pytest.mark.parametrize(
    "solution",
    [
        Solution(LIST, link=(IDNA,), python="3.11.7"),
        Solution(LIST, link=(Package("zlib", "1.3", "conda", build="h0_0", depends=("libgcc",)),)),
        Solution(SolveRequest(("idna",)), link=(IDNA,)),
    ],
)
def test_a_list_that_is_complete_or_solved_is_taken(solution: Solution) -> None:
    require_python(solution)
