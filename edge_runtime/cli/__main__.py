"""Run the command line as ``python -m edge_runtime.cli``."""

from edge_runtime.cli.app import main

if __name__ == "__main__":
    main()
