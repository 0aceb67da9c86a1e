"""`python -m minidl info`: what minidl found on this machine and how it uses it."""
from minidl.cli import main

if __name__ == "__main__":
    main()
