"""`python -m edgecls`: the same as the `edgecls` command."""

from edgecls.cli.main import main

if __name__ == "__main__":
    main()
