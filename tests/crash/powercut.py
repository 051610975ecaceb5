#!/usr/bin/env python3
"""Cuts the power of a disk that lossy.so has watched.

    powercut.py ROOT STATE SEED

Run after the program was killed: what the journal in STATE does not know to be on the disk is taken back below ROOT. Of
each file what was synced stays, and of the rest a random part (in a third of the cases none), sometimes with garbage or
zeros in it; sectors written in place may be the old ones; names made, moved or removed since their directory was synced
may be as they were before, in order. STATE is empty afterwards.
"""

import collections
import os
import random
import shutil
import sys


class Journal:
    """What is on the disk, by the journal's lines."""

    def __init__(self, path):
        self.synced = {}                                    # inode: bytes
        self.covered = collections.defaultdict(dict)        # inode: {offset: bytes before the first write since a sync}
        self.names = []                                     # (directory, kind, fields) not yet synced, oldest first
        try:
            with open(path, encoding="utf-8") as file:
                for line in file:
                    if line.endswith("\n"):
                        self.add(line.split())
        except FileNotFoundError:
            pass

    def add(self, fields):
        kind = fields[0]
        if kind == "new":
            self.synced[int(fields[1])] = self.synced.get(int(fields[1]), 0)
            self.names.append((os.path.dirname(fields[2]), kind, fields[2:]))
        elif kind == "size":
            self.synced[int(fields[1])] = int(fields[2])
            self.covered.pop(int(fields[1]), None)
        elif kind == "old":
            self.covered[int(fields[1])].setdefault(int(fields[2]), bytes.fromhex(fields[3]))
        elif kind == "synced":
            self.names = [name for name in self.names if name[0] != fields[1]]
        else:                                               # dir, rename, unlink: the last path's directory counts
            where = fields[2] if kind == "rename" else fields[1]
            self.names.append((os.path.dirname(where), kind, fields[1:]))


def take_back_name(kind, fields):
    """Undoes one change of a directory. What lay in a directory that is gone itself cannot be undone, nor has to be."""
    try:
        if kind == "new":
            os.unlink(fields[0])
        elif kind == "dir":
            shutil.rmtree(fields[0])
        elif kind == "rename" and not os.path.lexists(fields[0]):
            os.rename(fields[1], fields[0])
            if fields[2] != "-":
                os.link(fields[2], fields[1])
        elif kind == "unlink" and fields[1] != "-":
            os.link(fields[1], fields[0])
    except (FileNotFoundError, FileExistsError):
        pass


def cut_names(journal, root, chance):
    """Each directory forgets its newest changes: a journalled file system keeps a prefix."""
    by_directory = collections.defaultdict(list)
    for directory, kind, fields in journal.names:
        if not (kind == "dir" and fields[0] == root):
            by_directory[directory].append((kind, fields))
    for directory in sorted(by_directory, reverse=True):
        changes = by_directory[directory]
        kept = 0 if chance.random() < 1 / 3 else chance.randrange(len(changes) + 1)
        for kind, fields in reversed(changes[kept:]):
            take_back_name(kind, fields)


def cut_file(path, synced, covered, chance):
    size = os.stat(path).st_size
    with open(path, "r+b") as file:
        if size > synced:
            kept = synced if chance.random() < 1 / 3 else synced + chance.randrange(size - synced + 1)
            file.truncate(kept)
            spoilt = chance.random()
            if kept - synced >= 8 and spoilt < 0.6:
                at = synced + chance.randrange(kept - synced - 7)
                file.seek(at)
                file.write(chance.randbytes(8) if spoilt < 0.5 else bytes(kept - at))
        for offset, before in sorted(covered.items()):
            if chance.random() < 0.5 and offset + len(before) <= size:
                file.seek(offset)
                file.write(before)


def cut(root, state, chance):
    journal = Journal(os.path.join(state, "journal"))
    cut_names(journal, root, chance)
    for directory, _, names in sorted(os.walk(root)):
        for name in sorted(names):
            path = os.path.join(directory, name)
            status = os.lstat(path)
            if os.path.isfile(path) and not os.path.islink(path) and status.st_ino in journal.synced:
                cut_file(path, journal.synced[status.st_ino], journal.covered.get(status.st_ino, {}), chance)
    for name in os.listdir(state):
        os.unlink(os.path.join(state, name))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    cut(os.path.realpath(sys.argv[1]), sys.argv[2], random.Random(int(sys.argv[3])))
