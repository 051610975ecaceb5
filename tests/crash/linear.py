"""Whether a history of clients could have been that of one server that does one thing at a time.

    positions(operations)       by X-Log-Position: O(n log n), all keys together: strict serializability
    searched(operations)        without looking at it: each key alone, whatever order explains the answers (Wing and Gong's
                                search with Lowe's memory of what was tried; P-compositionality: keys are independent)

Both return sentences; none is a passed check. The first would believe a server that lies about positions, the second
does not see how keys hang together.

A key is a counter (`add`) or a register that is written on the grounds of a version (`set`). Its state is (version, value);
every change makes the next version. Of an operation that was never answered nobody knows whether and when it happened.
"""

import collections
import itertools

NEVER = float("inf")
STEPS_MOST = 1_000_000          # of a search: what is linearizable needs about as many as it has operations
UNKNOWN = "unknown"             # the result of an operation that was never answered
STALE = "stale"                 # (STALE, version): the register had another version

# action: read, add (given: the amount), set (given: the version it is written on the grounds of, and the value)
# result: (version, value), (STALE, version) or UNKNOWN; position: of the answer, 0 when it does not say where the change is
# (the answer to a repeated key has the position at which it was asked again)
Operation = collections.namedtuple("Operation", "key action given result begin end position", defaults=(0,))


def after(operation, state):
    """The state after the operation, and its result."""
    version, value = state
    if operation.action == "read":
        return state, state
    if operation.action == "add":
        state = (version + 1, value + operation.given)
        return state, state
    expected, new = operation.given
    if expected != version:
        return state, (STALE, version)
    return (version + 1, new), (version + 1, new)


def is_change(operation):
    return operation.action != "read" and operation.result != UNKNOWN and operation.result[0] != STALE


# ---- by position -----------------------------------------------------------------------------------------------------

def positions(operations, first):
    """first: of each key the state before the history, (version, value)."""
    return [*real_time(operations), *sequential(operations, first), *reads(operations, first)]


def real_time(operations):
    """What ended before another began has the lower position: a change a lower one, all else none that is higher."""
    ended = sorted((each for each in operations if each.position), key=lambda each: each.end)
    highest, at = 0, 0
    for each in sorted((each for each in operations if is_change(each) and each.position), key=lambda each: each.begin):
        while at < len(ended) and ended[at].end < each.begin:
            highest = max(highest, ended[at].position)
            at += 1
        if each.position <= highest:
            yield f"{each} has position {each.position}, and {highest} was shown before it was asked for"


def changes_of(operations):
    by_key = collections.defaultdict(list)
    for each in operations:
        if is_change(each):
            by_key[each.key].append(each)
    return by_key


def explained(key, state, change, unknown):
    """The state before a change, when changes that were never answered lie in between; None when they cannot."""
    missing = change.result[0] - 1 - state[0]
    if missing == 0:
        return state
    if missing < 0 or missing > len(unknown[key]):
        return None
    if change.action == "add":
        before = change.result[1] - change.given
        sums = {sum(each.given for each in some) for some in itertools.combinations(unknown[key], missing)}
        return (change.result[0] - 1, before) if before - state[1] in sums else None
    given = {each.given[0]: each.given[1] for each in unknown[key]}
    if not all(version in given for version in range(state[0], change.result[0] - 1)):
        return None
    return change.result[0] - 1, given[change.result[0] - 2]


def sequential(operations, first):
    """The changes of a key are what a model makes of them, and their positions grow; no two have one position."""
    unknown = collections.defaultdict(list)
    for each in operations:
        if each.result == UNKNOWN and each.action != "read":
            unknown[each.key].append(each)
    taken = {}
    for key, changes in changes_of(operations).items():
        state, highest = first[key], 0
        for each in sorted(changes, key=lambda each: each.result[0]):
            if each.position and taken.setdefault(each.position, each) is not each:
                yield f"{each} has the position of {taken[each.position]}"
            if each.position and each.position < highest:
                yield f"{each} comes after position {highest}"
            highest = max(highest, each.position)
            before = explained(key, state, each, unknown)
            if before is None:
                yield f"{each} does not follow from {state}"
            elif after(each, before)[1] != each.result:
                yield f"{each} is not what {before} becomes"
            state = each.result


def reads(operations, first):
    """A read shows a state that was there: of a change that had been asked for, and nothing older than what anybody had
    been shown when it was asked for."""
    known = {(key, state[0]): (state[1], 0, 0) for key, state in first.items()}     # value, position, begin
    for each in operations:
        if is_change(each):
            known[each.key, each.result[0]] = (each.result[1], each.position, each.begin)
    ended = sorted((each for each in operations if each.position), key=lambda each: each.end)
    highest, at = 0, 0
    asked = [each for each in operations if each.action == "read" and each.result != UNKNOWN]
    for each in sorted(asked, key=lambda each: each.begin):
        while at < len(ended) and ended[at].end < each.begin:
            highest = max(highest, ended[at].position)
            at += 1
        version, value = each.result
        shown, following = known.get((each.key, version)), known.get((each.key, version + 1))
        if shown and shown[0] != value:
            yield f"{each}: version {version} was {shown[0]!r}"
        if shown and shown[2] > each.end:
            yield f"{each}: it was not asked for yet"
        if shown and each.position < shown[1]:
            yield f"{each}: this state is of position {shown[1]}"
        if following and 0 < following[1] <= max(highest, each.position):
            yield f"{each}: position {max(highest, each.position)} is newer, version {version + 1} is of {following[1]}"


# ---- by search -------------------------------------------------------------------------------------------------------

def searched(operations, first):
    by_key = collections.defaultdict(list)
    for each in operations:
        if each.action != "read" or each.result != UNKNOWN:
            by_key[each.key].append(each)
    for key, some in sorted(by_key.items(), key=str):
        last = linearize(some, first[key])
        if last:
            yield f"no order explains the answers of {key}; all fail to get by {last}"


class Entry:
    """A call or a return, in a list from which what is linearized is taken out, and put back in when that fails."""

    def __init__(self, operation, number, match=None):
        self.operation, self.number, self.match = operation, number, match
        self.before = self.next = None

    def take_out(self):
        self.before.next = self.next
        if self.next:
            self.next.before = self.before

    def put_in(self):
        self.before.next = self
        if self.next:
            self.next.before = self


def entries_of(operations):
    moments = []
    for number, each in enumerate(operations):
        back = Entry(each, number)
        end = NEVER if each.result == UNKNOWN else each.end
        moments += [(each.begin, 0, number, Entry(each, number, back)), (end, 1, number, back)]
    head = at = Entry(None, -1)
    for *_, entry in sorted(moments, key=lambda moment: moment[:3]):
        at.next, entry.before = entry, at
        at = entry
    return head


def linearize(operations, state):
    """None when some order of them explains all results, else the first one that none gets by, or none was found to."""
    head, done, calls, tried = entries_of(operations), 0, [], set()
    entry, furthest, blocked = head.next, -1, None
    while head.next:
        if len(tried) > STEPS_MOST:
            return blocked
        if entry.match:                                     # a call: is this its moment?
            following, result = after(entry.operation, state)
            step = (done | 1 << entry.number, following)
            if entry.operation.result in (UNKNOWN, result) and step not in tried:
                tried.add(step)
                calls.append((entry, state))
                done, state = step
                entry.take_out()
                entry.match.take_out()
                entry = head.next
            else:
                entry = entry.next
            continue
        if entry.operation.result == UNKNOWN:               # only what was never answered is left: it never happened
            return None
        if len(calls) > furthest:
            furthest, blocked = len(calls), entry.operation
        if not calls:
            return blocked
        entry, state = calls.pop()                          # its answer comes before any moment was found: go back
        done &= ~(1 << entry.number)
        entry.match.put_in()
        entry.put_in()
        entry = entry.next
    return None
