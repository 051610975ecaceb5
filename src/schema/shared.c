/* Ids by number. See shared.h. */
#include "schema/shared.h"

void shared_begin(struct shared *shared, int64_t time)
{
    shared->time = time;
    shared->nothing = (struct money){0};
    shared->count = shared->implied = 0;
    memset(shared->slots, 0, sizeof shared->slots);
}

/* Its slot, or the free one where it belongs. There are more slots than ids, and the last byte of an id is chance, or of a
   hash. */
static uint8_t slot_of(const struct shared *shared, const struct id *id)
{
    uint8_t slot = id->bytes[sizeof id->bytes - 1];
    while (shared->slots[slot] && !id_equal(shared->ids[shared->slots[slot] - 1], *id))
        slot++;
    return slot;
}

bool shared_append(struct shared *shared, struct id id)
{
    uint8_t slot = slot_of(shared, &id);
    if (shared->count == SHARED_IDS_MOST) return false;
    shared->ids[shared->count++] = id;
    if (!shared->slots[slot]) shared->slots[slot] = (uint8_t)shared->count;
    return true;
}

uint32_t shared_number(struct shared *shared, struct id id)
{
    uint8_t slot = slot_of(shared, &id);
    if (shared->slots[slot]) return shared->slots[slot] - 1u;
    if (shared->count >= SHARED_IDS_ADDED) return SHARED_IDS_MOST;
    shared->ids[shared->count++] = id;
    shared->slots[slot] = (uint8_t)shared->count;
    return shared->count - 1;
}
