/* Files that people upload.

     – ──upload──▶ stored ──delete──▶ deleted ──upload──▶ stored

   The id follows from person, content and visibility, so uploading the same again answers the same file. The bytes lie
   beside the tables (blob_put), one time for all public files of a tenant with the same content: media_content counts who
   uses them, and they go with the last one. Private bytes are one person's, sealed under her key: once she is erased,
   nobody can read them, in no backup either. What was made public stays where it was shown, as her posts do, until it is
   deleted.

   Truths: the type is what the bytes say. A public file is nobody's document. A file that is a supplier's document stays.
   A private one is there for its owner, for the owners of the teams whose document it is, and for admins; others are not
   told of it. */
#include "actors/catalog/media.h"
#include "actors/catalog/supplier.h"
#include "base/token.h"

#define TYPES "image/png, image/jpeg, image/gif, image/webp, application/pdf"
enum { SUPPLIERS_MOST = 20, HASH_SIZE = 32 };

static const char *const status_names[] = {NULL, "stored", "deleted"};
static const struct enumeration statuses = ENUMERATION("media_status", status_names);
static const char *const type_names[] = {NULL, "png", "jpeg", "gif", "webp", "pdf"};
static const struct enumeration types = ENUMERATION("media_type", type_names);
static const char *const visibility_names[] = {NULL, "public", "private"};
static const struct enumeration visibilities = ENUMERATION("media_visibility", visibility_names);

/* clang-format off */
static const struct field supplier_element = ELEMENT(FIELD_ID, struct id);
static const struct field media_rows[] = {
    ENTITY_ROW(media),
    ID(media, 2, user_id, .flags = READ_ONLY, .refers = "user", .doc = "who uploaded it"),
    ENUM(media, 3, type, &types, .flags = READ_ONLY, .doc = "what its bytes are"),
    ENUM(media, 4, visibility, &visibilities, .flags = READ_ONLY, .doc = "who may read it"),
    INTEGER(media, 5, size, .flags = READ_ONLY, .doc = "bytes"),
    TEXT(media, 6, hash, .flags = READ_ONLY, .max = 43, .doc = "of the bytes: BLAKE2b-256, keyed where they are private"),
    TEXT(media, 7, url, .flags = READ_ONLY, .max = 80, .doc = "where the bytes are read"),
    SCALARS(media, 8, suppliers, struct id, &supplier_element, .flags = READ_ONLY, .max = SUPPLIERS_MOST,
            .sees = SELF | ADMIN | TEAM_OWNER, .doc = "whose document it is"),
};
/* clang-format on */
static const struct fields media_fields = FIELDS("media", struct media, media_rows);

static const uint16_t carried[] = {3, 4, 5, 0};
static const struct event media_uploaded = EVENT(1, "user.media_uploaded", carried, NULL, "a file was stored");
static const struct event media_deleted = EVENT(2, "user.media_deleted", carried, NULL, "a file was removed");
static const struct event media_attached = EVENT(3, "user.media_attached", carried, NULL, "a file became a document");
static const struct event media_detached =
    EVENT(4, "user.media_detached", carried, NULL, "a file is no document any more");
static const struct event *const events[] = {&media_uploaded, &media_deleted, &media_attached, &media_detached, NULL};

/* clang-format off */
static const struct transition machine_rows[] = {
    /* from                             command   to             event */
    {FROM_NONE | STATE(MEDIA_DELETED), "upload", MEDIA_STORED,  &media_uploaded},
    {STATE(MEDIA_STORED),              "delete", MEDIA_DELETED, &media_deleted},
};
/* clang-format on */
static const struct machine machine = MACHINE(&statuses, machine_rows);

static void user_keys(const void *entity, struct key_writer *writer)
{
    const struct media *media = entity;
    if (media->entity.status != MEDIA_STORED) return;
    key_begin(writer);
    key_id(writer, media->user_id);
    key_integer(writer, media->entity.created_at);
    key_end(writer);
}
/* clang-format off */
static const struct index by_user = {.number = 1, .name = "user", .keys = user_keys, .leads = LEADS_PERSON,
                                     .doc = "a person's files by age"};
/* clang-format on */
static const struct index *const indexes[] = {&by_user, NULL};

static const char *media_check(const void *entity)
{
    const struct media *media = entity;
    if (media->visibility == MEDIA_PUBLIC && media->suppliers.count) return "a public file is nobody's document";
    if (media->entity.status == MEDIA_DELETED && media->suppliers.count) return "a document stays";
    return media->size > 0 && media->type ? NULL : "a file has a type and bytes";
}

/* ---- the bytes ---- */
struct media_content {
    struct entity entity;
    struct id place; /* none: nobody uses them */
    int64_t uses;
};
/* clang-format off */
static const struct field content_rows[] = {
    ENTITY_ROW(media_content),
    ID(media_content, 2, place, .flags = READ_ONLY, .doc = "of the bytes"),
    INTEGER(media_content, 3, uses, .flags = READ_ONLY, .doc = "files that have them"),
};
/* clang-format on */
static const struct fields content_fields = FIELDS("media_content", struct media_content, content_rows);

static void place_keys(const void *entity, struct key_writer *writer)
{
    const struct media_content *content = entity;
    if (!content->uses) return;
    key_begin(writer);
    key_id(writer, content->place);
    key_end(writer);
}
/* clang-format off */
static const struct index by_place = {.number = 1, .name = "place", .unique = true, .upholds = true,
                                      .taken = ERROR_CONFLICT, .keys = place_keys, .doc = "bytes that are used"};
/* clang-format on */
static const struct index *const content_indexes[] = {&by_place, NULL};

static const char *content_check(const void *entity)
{
    const struct media_content *content = entity;
    if (content->uses < 0) return "nothing is used less than by nobody";
    return !content->uses == id_is_none(content->place) ? NULL : "bytes have a place as long as they are used";
}

/* ---- how much somebody has ---- */
struct media_usage {
    struct entity entity;
    int64_t files, bytes;
};
/* clang-format off */
static const struct field usage_rows[] = {
    ENTITY_ROW(media_usage),
    INTEGER(media_usage, 2, files, .flags = READ_ONLY, .doc = "how many files a person has"),
    INTEGER(media_usage, 3, bytes, .flags = READ_ONLY, .doc = "and how large they are together"),
};
/* clang-format on */
static const struct fields usage_fields = FIELDS("media_usage", struct media_usage, usage_rows);

static const char *usage_check(const void *entity)
{
    const struct media_usage *usage = entity;
    return usage->files >= 0 && usage->bytes >= usage->files ? NULL : "what somebody has is counted";
}

/* ---- what it is ---- */
static bool begins(struct text bytes, uint32_t at, const char *with, uint32_t length)
{
    return bytes.length >= at + length && !memcmp(bytes.data + at, with, length);
}

/* WHATWG MIME Sniffing 6.1 and 6.3. */
enum media_type media_sniff(struct text bytes)
{
    if (begins(bytes, 0, "\x89PNG\r\n\x1A\n", 8)) return MEDIA_PNG;
    if (begins(bytes, 0, "\xFF\xD8\xFF", 3)) return MEDIA_JPEG;
    if (begins(bytes, 0, "GIF87a", 6) || begins(bytes, 0, "GIF89a", 6)) return MEDIA_GIF;
    if (begins(bytes, 0, "RIFF", 4) && begins(bytes, 8, "WEBPVP", 6)) return MEDIA_WEBP;
    if (begins(bytes, 0, "%PDF-", 5)) return MEDIA_PDF;
    return 0;
}

static const char *const content_types[] = {NULL,        "image/png",  "image/jpeg",
                                            "image/gif", "image/webp", "application/pdf"};

/* Of a public file, whosever it is, the same; of a private one the person's own. */
static struct id content_id(const struct media *media)
{
    return id_derived_text("media_content", media->visibility == MEDIA_PUBLIC ? ID_NONE : media->user_id, media->hash);
}

static struct id sealed_for(const struct media *media)
{
    return media->visibility == MEDIA_PUBLIC ? ID_NONE : media->user_id;
}

/* ---- who ---- */
static uint32_t media_relations(struct tx *tx, const void *entity)
{
    const struct media *media = entity;
    if (!media || tx->principal.kind != PRINCIPAL_USER) return 0;
    uint32_t relations = id_equal(media->user_id, tx->principal.user) ? SELF : 0;
    for (uint32_t i = 0; i < media->suppliers.count; i++)
        relations |= supplier_relations_of(tx, media->suppliers.at[i]) & TEAM_OWNER;
    return relations;
}

static bool media_visible(struct tx *tx, const void *entity, uint32_t relations)
{
    (void)tx;
    const struct media *media = entity;
    if (media->entity.deleted_at) return relations & ADMIN;
    return media->visibility == MEDIA_PUBLIC || relations & (SELF | ADMIN | TEAM_OWNER);
}

/* ---- upload ---- */
struct upload_query {
    enum media_visibility visibility;
};
/* clang-format off */
static const struct field upload_query_rows[] = {
    ENUM(upload_query, 1, visibility, &visibilities, .doc = "public (default): everybody may read it; private"),
};
/* clang-format on */
static const struct fields upload_query_fields = FIELDS("upload_query", struct upload_query, upload_query_rows);

static enum error refuse_type(struct tx *tx, enum media_type type)
{
    struct text said = sent_type(tx);
    if (!type) return fail(tx, ERROR_UNSUPPORTED_MEDIA_TYPE, "the bytes are none of " TYPES);
    if (text_is(said, content_types[type])) return OK;
    return fail(tx, ERROR_UNSUPPORTED_MEDIA_TYPE, "Content-Type says %.*s, but the bytes are %s", TEXT_ARGUMENTS(said),
                content_types[type]);
}

/* A content that is new gets its place; one that is there keeps its own, and what was just written goes again. */
static bool content_use(struct tx *tx, const struct media *media, struct id place)
{
    struct id id = content_id(media);
    struct media_content *content = edit_or_create(tx, &media_content_kind, id);
    if (!content) return false;
    if (content->uses++)
        blob_drop(tx, place, &media_content_kind, id);
    else
        content->place = place;
    return true;
}

static enum error usage_add(struct tx *tx, int64_t size)
{
    struct media_usage *usage = edit_or_create(tx, &media_usage_kind, tx->principal.user);
    if (!usage) return OK;
    usage->files++;
    usage->bytes += size;
    int64_t files = setting(tx, "media.files_most"), bytes = setting(tx, "media.bytes_most");
    if (usage->files > files) return fail(tx, ERROR_LIMIT_REACHED, "a person has at most %lld files", (long long)files);
    if (usage->bytes > bytes)
        return fail(tx, ERROR_LIMIT_REACHED, "the files of a person have at most %lld bytes", (long long)bytes);
    return OK;
}

/* Of private bytes nobody can try, once the person is erased, whether they were these. */
static struct text hash_shown(struct tx *tx, enum media_visibility visibility, struct text digest)
{
    return visibility == MEDIA_PUBLIC ? base64url_encode(tx->arena, digest)
                                      : keyed_hash_of(tx, tx->principal.user, "media", digest);
}

static struct id media_id(struct tx *tx, enum media_visibility visibility, struct text hash)
{
    return id_derived_text(visibility == MEDIA_PUBLIC ? "media public" : "media private", tx->principal.user, hash);
}

static enum error media_upload(struct tx *tx)
{
    const struct upload_query *query = tx->query;
    struct text bytes = sent_bytes(tx);
    enum media_type type = media_sniff(bytes);
    enum media_visibility visibility = query && query->visibility ? query->visibility : MEDIA_PUBLIC;
    struct id place = draw_id(tx), user_id = tx->principal.user;
    uint8_t digest[HASH_SIZE];
    enum error error = refuse_type(tx, type);
    if (error) return error;
    if (!blob_put(tx, place, visibility == MEDIA_PUBLIC ? ID_NONE : user_id, bytes, digest))
        return pending(tx) ? OK : fail(tx, ERROR_NOT_FOUND, "the account is erased");

    struct text hash = hash_shown(tx, visibility, (struct text){(const char *)digest, sizeof digest});
    struct id id = media_id(tx, visibility, hash);
    struct media *media = edit_or_create(tx, &media_kind, id);
    if (!media) return OK;
    if (media->entity.status == MEDIA_STORED) {
        blob_drop(tx, place, &media_kind, id);
        return answer_entity(tx, 200, &media_kind, id, 0);
    }
    char text[ID_TEXT_LENGTH + 1];
    id_format(id, text);
    media->user_id = user_id;
    media->type = type;
    media->visibility = visibility;
    media->size = bytes.length;
    media->hash = hash;
    media->url = text_print(tx, "/api/v1/media/%s", text);
    error = usage_add(tx, media->size);
    if (error || !content_use(tx, media, place)) return error;
    error = transition(tx, &media_kind, media, "upload", NULL);
    return error ? error : answer_entity(tx, 201, &media_kind, id, 0);
}

/* ---- reading and removing ---- */
static enum error media_read(struct tx *tx)
{
    const struct media *media = tx->subject;
    const struct media_content *content = load(tx, &media_content_kind, content_id(media));
    struct file *file = ARENA_NEW(tx->arena, struct file);
    char id[ID_TEXT_LENGTH + 1];
    if (!content || !blob_get(tx, content->place, sealed_for(media), &file->bytes))
        return fail(tx, ERROR_NOT_FOUND, "its bytes are gone");
    id_format(media->entity.id, id);
    file->content_type = content_types[media->type];
    file->tag = text_print(tx, "\"%.*s\"", TEXT_ARGUMENTS(media->hash));
    file->kept = media->visibility == MEDIA_PUBLIC;
    if (media->type == MEDIA_PDF) file->saved = text_print(tx, "attachment; filename=\"%s.pdf\"", id);
    return answer_file(tx, file);
}

static enum error media_delete(struct tx *tx)
{
    struct media *media = tx->subject;
    if (media->suppliers.count) return fail(tx, ERROR_IN_USE, "it is a document of a supplier");
    struct media_content *content = edit(tx, &media_content_kind, content_id(media));
    struct media_usage *usage = edit(tx, &media_usage_kind, media->user_id);
    if (!content || !usage) return OK; /* pending: they are there as long as the file is */
    usage->files--;
    usage->bytes -= media->size;
    if (--content->uses) return OK;
    blob_drop(tx, content->place, &media_content_kind, content->entity.id);
    content->place = ID_NONE;
    return OK;
}

/* ---- documents ---- */
enum error media_attach(struct tx *tx, struct text media_id_text, struct id supplier_id)
{
    struct id id = ID_NONE;
    bool known = id_parse(media_id_text, &id);
    const struct media *media = known ? load(tx, &media_kind, id) : NULL;
    bool mine =
        media && media->entity.status == MEDIA_STORED && relations_to(tx, &media_kind, media) & (SELF | TEAM_OWNER);
    if (!mine)
        fail_detail(tx, "media_id", "not_found", "you have uploaded no such file");
    else if (media->visibility != MEDIA_PRIVATE)
        fail_detail(tx, "media_id", "not_private", "a document is a private file: upload it with ?visibility=private");
    if (!mine || fail_details(tx)) return fail(tx, ERROR_VALIDATION_FAILED, "the document has no file");
    for (uint32_t i = 0; i < media->suppliers.count; i++)
        if (id_equal(media->suppliers.at[i], supplier_id)) return OK;
    if (media->suppliers.count == SUPPLIERS_MOST)
        return fail(tx, ERROR_LIMIT_REACHED, "a file is a document of at most %d suppliers", SUPPLIERS_MOST);
    struct media *copy = edit(tx, &media_kind, id);
    if (!copy) return OK;
    *LIST_ADD(tx->arena, &copy->suppliers) = supplier_id;
    emit(tx, copy, &media_kind, &media_attached, NULL);
    return OK;
}

void media_detach(struct tx *tx, struct text media_id_text, struct id supplier_id)
{
    struct id id;
    struct media *media = id_parse(media_id_text, &id) ? edit(tx, &media_kind, id) : NULL;
    for (uint32_t i = 0; media && i < media->suppliers.count; i++) {
        if (!id_equal(media->suppliers.at[i], supplier_id)) continue;
        LIST_REMOVE(&media->suppliers, i);
        emit(tx, media, &media_kind, &media_detached, NULL);
        return;
    }
}

/* ---- the kinds ---- */
static void scope_myself(struct tx *tx, struct key_writer *writer)
{
    key_id(writer, tx->principal.user);
}

static struct id media_user(const void *entity)
{
    return ((const struct media *)entity)->user_id;
}

/* clang-format off */
static const struct listing my_listings[] = {
    {.sort = "newest", .index = &by_user, .scope = scope_myself, .reverse = true}, {0}};

static const struct command commands[] = {
    {"upload", "POST", "/media", NULL, ACTION_CALL, USER, .accepts = TYPES, .query = &upload_query_fields,
     .decide = media_upload, .status = 201, .finds = true, .doc = "stores a file of at most 1 MiB; the same again answers what is there"},
    {"read", "GET", "/media/{id}", NULL, ACTION_READ, ANYONE | SELF | ADMIN | TEAM_OWNER, .produces = TYPES,
     .files = true, .decide = media_read, .rate = RATE_READ, .doc = "its bytes"},
    {"mine", "GET", "/users/me/media", NULL, ACTION_LIST, USER, .listings = my_listings, .rate = RATE_READ,
     .doc = "the asker's files, the newest first"},
    {"delete", "DELETE", "/media/{id}", NULL, ACTION_COMMAND, SELF | ADMIN, .decide = media_delete, .status = 204,
     .doc = "removes a file that is no document of a supplier"},
    {0},
};

const struct kind media_kind = {
    .number = 110,
    .name = "media",
    .plural = "media",
    .doc = "a picture or document that somebody uploaded",
    .fields = &media_fields,
    .machine = &machine,
    .events = events,
    .indexes = indexes,
    .commands = commands,
    .relations = media_relations,
    .visible = media_visible,
    .check = media_check,
    .event_subject = media_user,
    .subject_kind = "user",
};

const struct kind media_content_kind = {
    .number = 111,
    .name = "media_content",
    .plural = "media_contents",
    .doc = "the bytes of one or more files",
    .fields = &content_fields,
    .indexes = content_indexes,
    .quiet = true,
    .check = content_check,
};

const struct kind media_usage_kind = {
    .number = 112,
    .name = "media_usage",
    .plural = "media_usages",
    .doc = "how much a person has uploaded",
    .fields = &usage_fields,
    .quiet = true,
    .check = usage_check,
};
/* clang-format on */
