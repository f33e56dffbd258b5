"""`python -m tests.support.family`: a process with a child and a grandchild, all of one command, until nobody holds its input any more."""

import os
import sys


def main() -> None:
    if os.fork() == 0:
        os.fork()
    os.write(sys.stdout.fileno(), f"{os.getpid()}\n".encode())
    sys.stdin.read()


if __name__ == "__main__":
    main()
