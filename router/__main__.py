"""`python -m router` is `route`."""

from router.cli import main

if __name__ == "__main__":
    main()
