"""Runs `operate` again and again without importing it again: each run is a fork of a process that has.

Reads a run in JSON from each line of its standard input, and answers with the run's exit code.
"""

import json
import os
import sys

from operate.main import main

for line in sys.stdin:
    run = json.loads(line)
    if (pid := os.fork()) == 0:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(os.open(run["stdout"], os.O_WRONLY | os.O_CREAT), 1)
        os.dup2(os.open(run["stderr"], os.O_WRONLY | os.O_CREAT), 2)
        os.environ.clear()
        os.environ.update(run["environment"])
        sys.argv = ["operate", *run["arguments"]]
        sys.exit(main())
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
