"""The functions of `import litho`: each does what the command of its name does.

A text is given as a `str`, or as a `Path` to a UTF-8 file; a model by its name or as what `load`
returned, which spares loading it again and says where to compute, too. `device` is auto, cpu, cuda,
cuda:N or mps, or a `Device` that says more: the precision of measuring, a quantised or spread base.
Settings that docs/ lists for a command are given by name (`litho.vary(text, count=10)`), or all
together as `config`.

`progress` is called with an `Event` whenever there is something to tell; a job stops soon after
`cancel` (a `threading.Event`) is set, with `Interrupted`, and `resume` goes on with it.
"""

from litho.api.evolving import evolve, evolve_documents
from litho.api.exam import exam
from litho.api.exporting import export, push
from litho.api.predicting import calibrate, ensemble, predict
from litho.api.printing import bench, imprint, unprint
from litho.api.reading import diff, expose, map, vary
from litho.api.rewriting import journal, rewrite, rewrite_pages
from litho.api.roles import roles
from litho.api.runs import load, report, resume
from litho.api.school import (
    check_genome,
    compile_genome,
    diff_genomes,
    document_genome,
    init_genome,
    school,
    show_book,
    where_in_build,
)
from litho.api.trails import graph_trails, print_trails, test_trails

__all__ = [
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
