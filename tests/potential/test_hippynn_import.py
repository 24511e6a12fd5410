import pytest
import torch

from pareto_search.potential.hipnn.hippynn_import import compiling_at_first_call


def test_nothing_is_compiled_before_its_first_call(monkeypatch):
    compiled = []

    def compile_(function):
        compiled.append(function)
        return function

    monkeypatch.setattr(torch, "compile", compile_)
    with compiling_at_first_call():

        @torch.compile
        def double(number):
            return 2 * number

    assert (compiled, double.__name__) == ([], "double")
    assert (double(2), double(3), len(compiled)) == (4, 6, 1)


def test_the_compiler_is_given_back_also_after_an_error():
    before = torch.compile
    with pytest.raises(ImportError), compiling_at_first_call():
        raise ImportError
    assert torch.compile is before
