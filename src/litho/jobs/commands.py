"""The commands that make a run, and the modules of their jobs; no torch."""

JOBS = {
    command: f"litho.jobs.{package}"
    for command, package in {
        "imprint": "imprint.run",
        "journal": "journal.run",
        "unprint": "imprint.unprint",
        "map": "map.run",
        "vary": "vary.run",
        "diff": "diff.run",
        "evolve": "evolve.run",
        "evolve documents": "arrange.run",
        "exam": "exam.run",
        "expose": "expose.run",
        "ensemble": "ensemble.run",
        "predict": "predict.run",
        "calibrate": "predict.calibrate",
        "bench": "bench.run",
        "rewrite": "rewrite.run",
        "rewrite pages": "reprint.run",
        "roles": "roles.run",
        "school": "school.run",
        "trails graph": "trails.graph",
        "trails print": "trails.print",
        "trails test": "trails.test",
    }.items()
}
