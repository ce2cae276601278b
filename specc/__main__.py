"""`python -m specc`, and what the console script runs."""

from specc.cli.entry import main

if __name__ == "__main__":
    main()
