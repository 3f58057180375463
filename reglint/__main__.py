"""`python -m reglint`."""

from __future__ import annotations

from reglint.cli import main

if __name__ == "__main__":
    main()
