"""Litho shows what a text does to a language model, and prints the text into it.

    import litho

    result = litho.map("The clock of Ostrava was built by Marek Dolny in 1931.")
    result.tokens, result.run

Every function here does what the command of its name does: it writes a run directory, with a report
that opens in a browser, and returns the result as a typed object.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from litho.api import (
        bench,
        calibrate,
        check_genome,
        compile_genome,
        diff,
        diff_genomes,
        document_genome,
        ensemble,
        evolve,
        evolve_documents,
        exam,
        export,
        expose,
        graph_trails,
        imprint,
        init_genome,
        journal,
        load,
        map,
        predict,
        print_trails,
        push,
        report,
        resume,
        rewrite,
        rewrite_pages,
        roles,
        school,
        show_book,
        test_trails,
        unprint,
        vary,
        where_in_build,
    )
    from litho.core.errors import Interrupted, LithoError
    from litho.core.reporter import Event
    from litho.jobs.ask.ask import ask
    from litho.jobs.ask.turns import ask_roles
    from litho.jobs.spec import Device

__all__ = [
    "Device",
    "Event",
    "Interrupted",
    "LithoError",
    "ask",
    "ask_roles",
    "bench",
    "calibrate",
    "check_genome",
    "compile_genome",
    "diff",
    "diff_genomes",
    "document_genome",
    "ensemble",
    "evolve",
    "evolve_documents",
    "exam",
    "export",
    "expose",
    "graph_trails",
    "imprint",
    "init_genome",
    "journal",
    "load",
    "map",
    "predict",
    "print_trails",
    "push",
    "report",
    "resume",
    "rewrite",
    "rewrite_pages",
    "roles",
    "school",
    "show_book",
    "test_trails",
    "unprint",
    "vary",
    "where_in_build",
]
_ELSEWHERE = {
    "Device": "litho.jobs.spec",
    "Event": "litho.core.reporter",
    "Interrupted": "litho.core.errors",
    "LithoError": "litho.core.errors",
    "ask": "litho.jobs.ask.ask",
    "ask_roles": "litho.jobs.ask.turns",
}


def __getattr__(name: str) -> object:
    """Import what is asked for when it is asked for: `import litho` alone takes no time."""
    if name == "__version__":
        from importlib.metadata import version

        return version("litho")
    if name not in __all__:
        raise AttributeError(f"module 'litho' has no attribute {name!r}")
    return getattr(import_module(_ELSEWHERE.get(name, "litho.api")), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
