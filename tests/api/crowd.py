"""Many at the same moment: what races are written with."""

import collections
import http.client
import threading


def at_once(calls, until=None):
    """Runs all at the same moment, each in a thread of its own; the replies in their order. until: called once the first
    has answered; what it breaks has no reply."""
    replies, begin, answered = [None] * len(calls), threading.Barrier(len(calls)), threading.Event()

    def run(at, call):
        begin.wait()
        try:
            replies[at] = call()
        except (OSError, http.client.HTTPException):
            if not until:
                raise
        finally:
            answered.set()
    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    if until:
        answered.wait()
        until()
    for thread in threads:
        thread.join()
    missing = replies.count(None)
    if missing and not until:
        raise AssertionError(f"{missing} of {len(calls)} had no answer")
    return replies


def each_of(server, people, count):
    """So many connections, open already, of these people in turn."""
    clients = [server.client(people[number % len(people)].token) for number in range(count)]
    for client in clients:
        client.connected()
    return clients


def answers_to(replies):
    return collections.Counter((reply.status, reply.code) for reply in replies)
