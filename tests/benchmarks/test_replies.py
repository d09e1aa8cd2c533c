import subprocess
import sys

PROGRAM = """
import os
from edgecls.benchmarks.replies import take_stdout
with take_stdout() as replies:
    print("a chatty library")
    os.write(1, b"and one in C\\n")
    replies.write("an answer\\n")
"""


def test_what_libraries_print_never_stands_between_the_answers():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout == "an answer\n"
    assert "a chatty library" in done.stderr
    assert "and one in C" in done.stderr
