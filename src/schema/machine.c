/* State machines: what a table allows, as text and as a picture, and the proof that it is sound. */
#include "schema/machine.h"
#include "base/buffer.h"
#include "base/check.h"
#include <stdio.h>
#include <string.h>

enum { STATES_MOST = 32 }; /* a set of states is a uint32_t */

static bool leaves(const struct transition *row, uint32_t status)
{
    return status < STATES_MOST && (row->from & STATE(status));
}

/* ---- What is allowed -------------------------------------------------------------------------------------------- */

static bool is_new_command(const struct machine *machine, uint32_t row, uint32_t status)
{
    for (uint32_t i = 0; i < row; i++)
        if (leaves(&machine->rows[i], status) && !strcmp(machine->rows[i].command, machine->rows[row].command))
            return false;
    return true;
}

void machine_legal_commands(const struct machine *machine, uint32_t status,
                            bool (*counts)(const void *context, const char *command), const void *context, char *out,
                            size_t size)
{
    size_t used = 0;
    CHECK(size);
    out[0] = 0;
    for (uint32_t i = 0; i < machine->count; i++) {
        const char *command = machine->rows[i].command;
        if (!leaves(&machine->rows[i], status) || !is_new_command(machine, i, status)) continue;
        if (counts && !counts(context, command)) continue;
        size_t comma = used ? 2 : 0, length = strlen(command);
        if (used + comma + length >= size) return;
        memcpy(out + used, ", ", comma);
        memcpy(out + used + comma, command, length + 1);
        used += comma + length;
    }
}

static bool arrives(const struct machine *machine, const struct transition *row, uint32_t from, uint32_t to)
{
    if (row->to == TO_SAME) return to == from;
    if (row->to == TO_REMEMBERED) return to && to < machine->states->count;
    return row->to == to;
}

bool machine_allows(const struct machine *machine, uint32_t from, const char *command, uint32_t to)
{
    if (machine->derived && from && from == to) return true;
    for (uint32_t i = 0; i < machine->count; i++) {
        const struct transition *row = &machine->rows[i];
        if (!leaves(row, from) || !arrives(machine, row, from, to)) continue;
        if (machine->derived || !strcmp(row->command, command)) return true;
    }
    return false;
}

/* ---- The picture ------------------------------------------------------------------------------------------------ */

static const char REMEMBERED_NODE[] = "remembered";

static const char *node_of(const struct machine *machine, uint32_t status)
{
    return status ? machine->states->values[status] : "[*]";
}

static void draw_edge(struct buffer *out, const struct machine *machine, const struct transition *row, uint32_t from)
{
    const char *to = row->to == TO_SAME         ? node_of(machine, from)
                     : row->to == TO_REMEMBERED ? REMEMBERED_NODE
                                                : node_of(machine, row->to);
    buffer_format(out, "    %s --> %s : %s", node_of(machine, from), to, row->command);
    if (row->guard_doc) buffer_format(out, " [%s]", row->guard_doc);
    buffer_byte(out, '\n');
}

void machine_diagram(struct buffer *out, const char *name, const struct machine *machine)
{
    bool remembers = false;
    for (uint32_t i = 0; i < machine->count; i++)
        remembers |= machine->rows[i].to == TO_REMEMBERED;
    buffer_format(out, "---\ntitle: %s\n---\nstateDiagram-v2\n", name);
    if (remembers) buffer_format(out, "    state \"the state before\" as %s\n", REMEMBERED_NODE);
    for (uint32_t i = 0; i < machine->count; i++)
        for (uint32_t from = 0; from < machine->states->count; from++)
            if (leaves(&machine->rows[i], from)) draw_edge(out, machine, &machine->rows[i], from);
}

/* ---- The proof -------------------------------------------------------------------------------------------------- */

struct proof {
    void (*report)(void *context, const char *where, const char *fault);
    void *context;
    uint32_t faults;
};

static void fault(struct proof *proof, const char *where, const char *what)
{
    proof->faults++;
    proof->report(proof->context, where, what);
}

static void prove_row(struct proof *proof, const struct machine *machine, const struct transition *row)
{
    uint32_t states = machine->states->count;
    uint64_t known = (UINT64_C(1) << states) - 1;
    const char *where = row->command ? row->command : "?";
    if (!row->command) fault(proof, where, "a transition without a command");
    if (!row->from || (row->from & ~known)) fault(proof, where, "starts in no state or in an unknown one");
    bool special = row->to == TO_SAME || row->to == TO_REMEMBERED;
    if (!special && (!row->to || row->to >= states)) fault(proof, where, "ends in no state or in an unknown one");
    if (special && (row->from & FROM_NONE)) fault(proof, where, "creation names the first state");
    if (row->guard && !row->guard_doc) fault(proof, where, "a guard needs a sentence");
}

/* At most one row without a guard for each state and command, and it is the last one. */
static void prove_unambiguous(struct proof *proof, const struct machine *machine, uint32_t row)
{
    const struct transition *first = &machine->rows[row];
    if (first->guard || !first->command) return;
    for (uint32_t i = row + 1; i < machine->count; i++) {
        const struct transition *other = &machine->rows[i];
        uint32_t both = first->from & other->from;
        if (!both || !other->command || strcmp(first->command, other->command) != 0) continue;
        uint32_t status = (uint32_t)__builtin_ctz(both);
        char where[128];
        snprintf(where, sizeof where, "%s of %s", first->command,
                 status && status < machine->states->count ? machine->states->values[status] : "nothing");
        /* In a derived machine the parts decide which edge is taken. */
        if (!machine->derived)
            fault(proof, where, "a row after one without guard can never win");
        else if (first->to == other->to)
            fault(proof, where, "the same edge twice");
    }
}

static void prove_reachable(struct proof *proof, const struct machine *machine)
{
    uint32_t reached = FROM_NONE, before;
    do {
        before = reached;
        for (uint32_t i = 0; i < machine->count; i++) {
            const struct transition *row = &machine->rows[i];
            if ((row->from & reached) && row->to < STATES_MOST) reached |= STATE(row->to);
        }
    } while (reached != before);
    for (uint32_t status = 1; status < machine->states->count; status++)
        if (!(reached & STATE(status))) fault(proof, machine->states->values[status], "no way leads to this state");
}

uint32_t machine_prove(const struct machine *machine,
                       void (*report)(void *context, const char *where, const char *fault), void *context)
{
    struct proof proof = {report, context, 0};
    if (!machine->states || machine->states->count < 2 || machine->states->count > STATES_MOST) {
        fault(&proof, "machine", "a machine has 1 to 31 states");
        return proof.faults;
    }
    for (uint32_t i = 0; i < machine->count; i++) {
        prove_row(&proof, machine, &machine->rows[i]);
        prove_unambiguous(&proof, machine, i);
    }
    prove_reachable(&proof, machine);
    return proof.faults;
}
