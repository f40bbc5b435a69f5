"""`python -m artkit`, the same as the command `artkit`."""

from artkit.cli import main

main()
