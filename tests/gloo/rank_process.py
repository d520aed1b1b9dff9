"""What each process of a test runs; a module of its own, so that it can be imported there."""

import traceback


def run_rank(function, rank, size, folder, arguments, pipe, place=None):
    from c2.communicate import FileStore

    try:
        if place is not None:
            from network import enter

            enter(place)
        pipe.send(function(rank, size, FileStore(folder), *arguments))
    except Exception:
        pipe.send(traceback.format_exc())
