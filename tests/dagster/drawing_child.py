"""A run that has something drawn beside it, says in which process, and waits to be killed."""

import os
import sys
import time

from resources.drawing import FROM_RESULTS, draw_beside

if __name__ == "__main__":
    sys.stdout.write(f"{draw_beside(FROM_RESULTS, os.getpid)()}\n")
    sys.stdout.flush()
    if sys.argv[1] == "1":
        draw_beside(FROM_RESULTS, time.sleep, 600.0)
    time.sleep(600.0)
