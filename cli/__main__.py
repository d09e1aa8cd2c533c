"""`python -m edgecls.cli`: the command line where the script `edgecls` is not on the path."""

from .main import main

main()
