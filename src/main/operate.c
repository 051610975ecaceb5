/* The operator's verbs. The server's answer is the outcome: its refusal becomes a line on standard error. */
#include "main/operate.h"
#include "main/client.h"
#include "main/copy.h"
#include "main/exit.h"
#include "main/files.h"
#include "store/slots.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <yyjson.h>

enum { PASSWORD_BYTES_MOST = 1024, LOG_PAGE = 500, FOLLOW_PAUSE_MS = 200 };

struct session {
    struct arena *arena;
    struct client *client;
    const char *data;
};

static bool session_open(struct session *session, const struct arguments *arguments)
{
    const char *data = argument(arguments, "data");
    *session = (struct session){.arena = arena_create(), .data = data ? data : "data"};
    struct text path = file_socket_path(session->arena, session->data, "control.sock");
    session->client = client_connect_unix(path.data);
    if (session->client) return true;
    if (errno == ENOENT || errno == ECONNREFUSED)
        fprintf(stderr, "souk: no server runs on %s (it has to, for this)\n", session->data);
    else
        fprintf(stderr, "souk: %s: %s\n", path.data, strerror(errno));
    return false;
}

static int session_close(struct session *session, int status)
{
    client_close(session->client);
    arena_destroy(session->arena);
    return status;
}

/* Prints what a refusal says; its details too. */
static void print_refusal(const struct client_reply *reply)
{
    yyjson_doc *document = yyjson_read(reply->body.data, reply->body.length, 0);
    yyjson_val *root = yyjson_doc_get_root(document);
    const char *error = yyjson_get_str(yyjson_obj_get(root, "error"));
    fprintf(stderr, "souk: %d: %s\n", reply->status, error ? error : "the server refused");
    yyjson_val *detail;
    yyjson_arr_iter at = yyjson_arr_iter_with(yyjson_obj_get(root, "details"));
    while ((detail = yyjson_arr_iter_next(&at))) {
        const char *path = yyjson_get_str(yyjson_obj_get(detail, "path"));
        const char *text = yyjson_get_str(yyjson_obj_get(detail, "error"));
        fprintf(stderr, "souk:   %s: %s\n", path ? path : "", text ? text : "");
    }
    yyjson_doc_free(document);
}

static bool call(struct session *session, const char *method, struct text target, struct text body,
                 struct client_reply *reply)
{
    if (!client_call(session->client, method, target, body, session->arena, reply)) {
        fprintf(stderr, "souk: the server on %s: %s\n", session->data, client_problem(session->client));
        return false;
    }
    if (reply->status < 300) return true;
    print_refusal(reply);
    return false;
}

/* ---- admin create -------------------------------------------------------------------------------------------------- */

/* The first line of standard input. False when there is none. */
static bool read_password(struct arena *arena, struct text *password)
{
    char line[PASSWORD_BYTES_MOST + 2];
    if (!fgets(line, sizeof line, stdin)) return false;
    size_t length = strcspn(line, "\n");
    *password = arena_text(arena, (struct text){line, (uint32_t)length});
    explicit_bzero(line, sizeof line);
    return length > 0;
}

/* "ann.smith@example.com" is called ann.smith when no name is given. */
static struct text name_of(const struct arguments *arguments, const char *email)
{
    const char *name = argument(arguments, "name");
    struct text rest = text_of(email);
    return name ? text_of(name) : text_split(&rest, '@');
}

int run_admin_create(const struct arguments *arguments)
{
    const char *email = argument(arguments, "email");
    if (!email || !argument(arguments, "password-stdin")) {
        fprintf(
            stderr,
            "souk admin create: --email and --password-stdin are needed: a password in the arguments could be read by others\n");
        return EXIT_USAGE;
    }
    struct session session;
    struct text password;
    struct client_reply reply;
    if (!session_open(&session, arguments)) return session_close(&session, EXIT_FAILED);
    if (!read_password(session.arena, &password)) {
        fprintf(stderr, "souk admin create: standard input holds no password\n");
        return session_close(&session, EXIT_USAGE);
    }
    struct buffer body = {.arena = session.arena};
    buffer_string(&body, "{\"email\":");
    buffer_json_text(&body, text_of(email));
    buffer_string(&body, ",\"password\":");
    buffer_json_text(&body, password);
    buffer_string(&body, ",\"display_name\":");
    buffer_json_text(&body, name_of(arguments, email));
    buffer_byte(&body, '}');
    if (!call(&session, "POST", LITERAL("/api/v1/admin/users"), buffer_as_text(&body), &reply))
        return session_close(&session, EXIT_FAILED);
    printf("%s is an admin now\n", email);
    return session_close(&session, EXIT_DONE);
}

/* ---- backup -------------------------------------------------------------------------------------------------------- */

/* After the data: what the copy was sealed with is among the slots by then. */
static int backup_slots(struct session *session, const char *to)
{
    if (!to) return EXIT_DONE;
    if (!slots_copy(file_path(session->arena, session->data, SLOTS_NAME).data, to)) {
        fprintf(stderr, "souk backup: cannot copy the keys of persons to %s: %s\n", to, strerror(errno));
        return EXIT_NOT_WRITABLE;
    }
    printf(
        "%s holds the keys of persons: whoever is erased later stays readable with it, so keep one copy, the newest\n",
        to);
    return EXIT_DONE;
}

/* Where the server makes it; NULL when the data directory has no path. */
static const char *staging_path(struct session *session)
{
    char *data = realpath(session->data, NULL);
    struct text name = arena_format(session->arena, "%s%ld", BACKUP_UNDER_WAY, (long)getpid());
    const char *path = data ? file_path(session->arena, data, name.data).data : NULL;
    free(data);
    return path;
}

static bool make_backup(struct session *session, const char *to)
{
    struct client_reply reply;
    char problem[512];
    const char *staging = staging_path(session);
    if (!staging || !file_directory_is_empty(to)) {
        fprintf(stderr, "souk backup: %s %s\n", staging ? to : session->data, staging ? "is not empty" : "has no path");
        return false;
    }
    struct buffer body = {.arena = session->arena};
    buffer_string(&body, "{\"path\":");
    buffer_json_text(&body, text_of(staging));
    buffer_byte(&body, '}');
    bool good = call(session, "POST", LITERAL("/control/backup"), buffer_as_text(&body), &reply);
    if (good && !(good = move_directory(staging, to, problem, sizeof problem)))
        fprintf(stderr, "souk backup: %s\n", problem);
    if (!good) remove_directory(staging);
    return good;
}

int run_backup(const struct arguments *arguments)
{
    struct session session;
    if (!session_open(&session, arguments)) return session_close(&session, EXIT_FAILED);
    if (!make_backup(&session, arguments->others[0])) return session_close(&session, EXIT_FAILED);
    printf("%s holds a copy; neither the master key nor the keys of persons are in it, keep them apart\n",
           arguments->others[0]);
    return session_close(&session, backup_slots(&session, argument(arguments, "slots")));
}

/* ---- rebuild ------------------------------------------------------------------------------------------------------- */

struct rebuild_seen {
    char state[16], problem[256];
    int64_t position, target, compared, differing;
};

static bool rebuild_read(const struct client_reply *reply, struct rebuild_seen *seen)
{
    yyjson_doc *document = yyjson_read(reply->body.data, reply->body.length, 0);
    yyjson_val *data = yyjson_obj_get(yyjson_doc_get_root(document), "data");
    const char *state = yyjson_get_str(yyjson_obj_get(data, "state"));
    const char *problem = yyjson_get_str(yyjson_obj_get(data, "problem"));
    snprintf(seen->state, sizeof seen->state, "%s", state ? state : "");
    snprintf(seen->problem, sizeof seen->problem, "%s", problem ? problem : "");
    seen->position = yyjson_get_sint(yyjson_obj_get(data, "position"));
    seen->target = yyjson_get_sint(yyjson_obj_get(data, "target"));
    seen->compared = yyjson_get_sint(yyjson_obj_get(data, "compared"));
    seen->differing = yyjson_get_sint(yyjson_obj_get(data, "differing"));
    yyjson_doc_free(document);
    return state != NULL;
}

static int rebuild_told(const struct rebuild_seen *seen, const char *view, bool check)
{
    if (strcmp(seen->state, "done") != 0) {
        fprintf(stderr, "souk rebuild: %s\n", seen->problem[0] ? seen->problem : "the server gave it up");
        return EXIT_FAILED;
    }
    printf("%s: %lld rows compared with the log, %lld differed%s\n", view, (long long)seen->compared,
           (long long)seen->differing, seen->differing && !check ? " and are mended" : "");
    return check && seen->differing ? EXIT_DAMAGED : EXIT_DONE;
}

int run_rebuild(const struct arguments *arguments)
{
    struct session session;
    struct client_reply reply;
    struct rebuild_seen seen = {0};
    const char *view = arguments->others[0];
    bool check = argument(arguments, "check") != NULL, shows = isatty(STDERR_FILENO);
    if (!session_open(&session, arguments)) return session_close(&session, EXIT_FAILED);
    struct buffer body = {.arena = session.arena};
    buffer_string(&body, "{\"view\":");
    buffer_json_text(&body, text_of(view));
    buffer_format(&body, ",\"check\":%s}", check ? "true" : "false");
    bool good = call(&session, "POST", LITERAL("/control/rebuild"), buffer_as_text(&body), &reply);
    while (good && rebuild_read(&reply, &seen) && !strcmp(seen.state, "running")) {
        if (shows)
            fprintf(stderr, "\r%s: position %lld of %lld, %lld rows compared", view, (long long)seen.position,
                    (long long)seen.target, (long long)seen.compared);
        nanosleep(&(struct timespec){.tv_nsec = FOLLOW_PAUSE_MS * 1000000L}, NULL);
        arena_reset(session.arena);
        good = call(&session, "GET", LITERAL("/control/rebuild"), (struct text){0}, &reply);
    }
    if (shows) fputc('\n', stderr);
    return session_close(&session, good ? rebuild_told(&seen, view, check) : EXIT_FAILED);
}

/* ---- log ----------------------------------------------------------------------------------------------------------- */

/* Prints a page; the number of its records, or -1 after a refusal. */
static long print_page(struct session *session, uint64_t after)
{
    struct client_reply reply;
    struct text target =
        arena_format(session->arena, "/control/log?after=%llu&count=%d", (unsigned long long)after, LOG_PAGE);
    if (!call(session, "GET", target, (struct text){0}, &reply)) return -1;
    long lines = 0;
    for (uint32_t i = 0; i < reply.body.length; i++)
        lines += reply.body.data[i] == '\n';
    if (fwrite(reply.body.data, 1, reply.body.length, stdout) != reply.body.length || fflush(stdout) != 0) return -1;
    arena_reset(session->arena);
    return lines;
}

int run_log(const struct arguments *arguments)
{
    struct session session;
    int64_t after = 0;
    const char *given = argument(arguments, "after");
    if (given && (!text_to_integer(text_of(given), &after) || after < 0)) {
        fprintf(stderr, "souk log: --after is a position of the log, a whole number\n");
        return EXIT_USAGE;
    }
    if (!session_open(&session, arguments)) return session_close(&session, EXIT_FAILED);
    bool follow = argument(arguments, "follow") != NULL;
    for (;;) {
        long lines = print_page(&session, (uint64_t)after);
        if (lines < 0) return session_close(&session, EXIT_FAILED);
        after += lines;
        if (lines) continue;
        if (!follow) return session_close(&session, EXIT_DONE);
        nanosleep(&(struct timespec){.tv_nsec = FOLLOW_PAUSE_MS * 1000000L}, NULL);
    }
}
