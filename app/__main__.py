"""`python -m app` is `peer-support`."""

from app.cli import main

main()
