/* Load generator: prepared requests over keep-alive connections to a server on this machine, one thread on epoll.

     load --port N --requests FILE [--connections 32] [--depth 1] [--seconds 2] [--warm 0.3] [--rate R] [--watch PID]
          [--idle N] [--before-rate R --before-seconds S]

   Without --rate the loop is closed: each connection keeps `depth` requests under way (pipelined when more than one), and
   what is measured is how many are answered. With --rate the loop is open: request number i is due at start + i / rate,
   whether or not the earlier ones have been answered, and its latency counts from when it was due. So a server that
   stalls is charged for every request that it kept waiting (no coordinated omission); what is still unanswered at the end
   is counted with the age that it then has.

   With --idle so many connections more are open, and nothing is sent on them. With --before-rate another rate comes first,
   for so many seconds after the warm-up; what was due and could not be sent in that time is given up. An open loop's
   result has one entry for each second: what was answered in it, how much of that with 5xx, and the 99th percentile.

   FILE holds any number of requests, each as a line "REQUEST <bytes>" and those bytes as they go over the wire. Sixteen
   asterisks in a request are replaced by a number that no other request has (for idempotency keys). Connection c of n
   sends requests c, c + n, c + 2n … and begins again.

   The result is one JSON object on standard output: counts, latencies in microseconds, the CPU time of this process and,
   with --watch, of each thread of the server, all of them of the measured time alone, which follows the warm-up. */
#include "histogram.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    CONNECTIONS_MOST = 4096,
    IDLE_MOST = 100000,
    DEPTH_MOST = 256,
    INPUT_SIZE = 64 * 1024,  /* of a connection; the head of a reply is at most so long */
    OUTPUT_SIZE = 64 * 1024, /* a request is at most so long; a full one delays further requests */
    EVENTS_MOST = 256,
    UNIQUE_SIZE = 16,
    THREADS_MOST = 128,
    WINDOWS_MOST = 60,  /* seconds that are told apart; the last takes what comes later */
    SAMPLE_SIZE = 1000, /* of the first reply that is no success */
    GRACE_SECONDS = 30, /* after which a run that hangs is ended by a signal */
};
static const char unique_mark[] = "****************";

struct template
{
    const char *data;
    size_t length;
    size_t unique; /* where the unique number goes; length: nowhere */
};

struct connection {
    int socket;
    uint32_t number, next_template;
    bool waits_to_write;        /* for EPOLLOUT */
    uint32_t under_way, oldest; /* requests sent and not answered: begun[oldest], and on around the ring */
    int64_t begun[DEPTH_MOST];
    bool in_body, failed; /* failed: the reply is a 5xx */
    size_t body_left;
    size_t in_length, out_length, out_sent;
    char in[INPUT_SIZE], out[OUTPUT_SIZE];
};

struct thread_time {
    int id;
    char name[20];
    uint64_t nanoseconds;
};

struct moment {
    int64_t time;
    uint64_t client_nanoseconds;
    struct thread_time threads[THREADS_MOST];
    uint32_t thread_count;
};

struct window {
    uint64_t answered, failed;
    struct histogram latencies;
};

struct load {
    int port, watched;
    const char *requests_path;
    uint32_t connection_count, depth, idle_connections;
    double seconds, warm_seconds, rate, before_rate, before_seconds, then_rate;

    struct template *templates;
    uint32_t template_count;
    struct connection **connections;
    int epoll;
    uint64_t unique;

    struct connection **idle; /* open loop: a ring of free places in connections, the longest free first */
    uint32_t idle_first, idle_count, idle_size;
    int64_t start;
    uint64_t issued; /* open loop: requests sent since start */

    bool measuring;
    uint64_t answered, reply_bytes, request_bytes, statuses[6];
    struct histogram latencies;
    struct window *windows;
    struct moment begin, end;
    int sample_status;
    char sample[SAMPLE_SIZE + 1];
};

static _Noreturn void fail(const char *what, const char *why)
{
    fprintf(stderr, "load: %s: %s\n", what, why);
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- CPU time ------------------------------------------------------------------------------------------------------ */

static uint64_t own_cpu_ns(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000 +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
}

static bool read_small(const char *path, char *out, size_t size)
{
    FILE *file = fopen(path, "r");
    if (!file) return false;
    size_t length = fread(out, 1, size - 1, file);
    fclose(file);
    out[length] = 0;
    return length > 0;
}

/* The scheduler's own count, in nanoseconds; /proc/PID/stat has ticks of ten milliseconds. */
static void watch_threads(int process, struct moment *moment)
{
    char path[320], text[128];
    snprintf(path, sizeof path, "/proc/%d/task", process);
    DIR *directory = opendir(path);
    if (!directory) fail(path, strerror(errno));
    for (struct dirent *entry; (entry = readdir(directory)) && moment->thread_count < THREADS_MOST;) {
        struct thread_time *thread = &moment->threads[moment->thread_count];
        thread->id = (int)strtol(entry->d_name, NULL, 10);
        snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", process, entry->d_name);
        if (thread->id <= 0 || !read_small(path, text, sizeof text)) continue;
        thread->nanoseconds = strtoull(text, NULL, 10);
        snprintf(path, sizeof path, "/proc/%d/task/%s/comm", process, entry->d_name);
        if (!read_small(path, text, sizeof text)) continue;
        text[strcspn(text, "\n\"\\")] = 0;
        snprintf(thread->name, sizeof thread->name, "%.19s", thread->id == process ? "main" : text);
        moment->thread_count++;
    }
    closedir(directory);
}

static void take_moment(const struct load *load, struct moment *moment)
{
    if (load->watched) watch_threads(load->watched, moment);
    moment->client_nanoseconds = own_cpu_ns();
    moment->time = now_ns();
}

static uint64_t thread_nanoseconds(const struct moment *moment, int id)
{
    for (uint32_t i = 0; i < moment->thread_count; i++)
        if (moment->threads[i].id == id) return moment->threads[i].nanoseconds;
    return 0;
}

/* ---- Requests ------------------------------------------------------------------------------------------------------ */

static char *read_whole(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) fail(path, strerror(errno));
    long size = ftell(file);
    rewind(file);
    char *data = malloc((size_t)size + 1);
    if (!data || fread(data, 1, (size_t)size, file) != (size_t)size) fail(path, "cannot be read");
    fclose(file);
    data[size] = 0;
    *length = (size_t)size;
    return data;
}

static void read_templates(struct load *load)
{
    static const char head[] = "REQUEST ";
    size_t size;
    char *at = read_whole(load->requests_path, &size), *end = at + size;
    while (at < end) {
        char *number = at + strlen(head), *line_end;
        unsigned long length = strncmp(at, head, strlen(head)) == 0 ? strtoul(number, &line_end, 10) : 0;
        if (length == 0 || length > OUTPUT_SIZE || *line_end != '\n' || length > (size_t)(end - line_end) - 1)
            fail(load->requests_path, "is no file of requests");
        at = line_end + 1;
        load->templates = realloc(load->templates, (load->template_count + 1) * sizeof *load->templates);
        if (!load->templates) fail("requests", "no memory");
        const char *mark = memmem(at, length, unique_mark, UNIQUE_SIZE);
        load->templates[load->template_count++] =
            (struct template){.data = at, .length = length, .unique = mark ? (size_t)(mark - at) : length};
        at += length;
    }
    if (!load->template_count) fail(load->requests_path, "is empty");
}

static void write_unique(char out[UNIQUE_SIZE], uint64_t value)
{
    for (int i = UNIQUE_SIZE - 1; i >= 0; i--, value >>= 4)
        out[i] = "0123456789abcdef"[value & 15];
}

static bool has_room(const struct load *load, const struct connection *connection)
{
    const struct template *template = &load->templates[connection->next_template];
    return connection->under_way < load->depth && connection->out_length + template->length <= OUTPUT_SIZE;
}

static void add_request(struct load *load, struct connection *connection, int64_t begun)
{
    const struct template *template = &load->templates[connection->next_template];
    connection->next_template = (connection->next_template + load->connection_count) % load->template_count;
    char *out = connection->out + connection->out_length;
    memcpy(out, template->data, template->length);
    if (template->unique < template->length) write_unique(out + template->unique, load->unique++);
    connection->out_length += template->length;
    /* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): it is at least 1 */
    connection->begun[(connection->oldest + connection->under_way++) % load->depth] = begun;
    if (load->measuring) load->request_bytes += template->length;
}

static void wait_for(struct load *load, struct connection *connection, bool to_write)
{
    if (connection->waits_to_write == to_write) return;
    connection->waits_to_write = to_write;
    struct epoll_event event = {.events = EPOLLIN | (to_write ? EPOLLOUT : 0u), .data.ptr = connection};
    if (epoll_ctl(load->epoll, EPOLL_CTL_MOD, connection->socket, &event) != 0) fail("epoll", strerror(errno));
}

static void flush(struct load *load, struct connection *connection)
{
    while (connection->out_sent < connection->out_length) {
        ssize_t sent = send(connection->socket, connection->out + connection->out_sent,
                            connection->out_length - connection->out_sent, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && errno == EAGAIN) break;
        if (sent < 0) fail("send", strerror(errno));
        connection->out_sent += (size_t)sent;
    }
    if (connection->out_sent == connection->out_length) connection->out_sent = connection->out_length = 0;
    wait_for(load, connection, connection->out_length > 0);
}

/* ---- Replies ------------------------------------------------------------------------------------------------------- */

static void keep_idle(struct load *load, struct connection *connection)
{
    load->idle[(load->idle_first + load->idle_count++) % load->idle_size] = connection;
}

static void note_window(struct load *load, int64_t begun, int64_t now, bool failed)
{
    int64_t second = (now - load->begin.time) / 1000000000;
    struct window *window = &load->windows[second < WINDOWS_MOST ? second : WINDOWS_MOST - 1];
    window->answered++;
    window->failed += failed;
    histogram_add(&window->latencies, (uint64_t)(now - begun));
}

static void finish_reply(struct load *load, struct connection *connection, int64_t now)
{
    int64_t begun = connection->begun[connection->oldest];
    connection->oldest = (connection->oldest + 1) % load->depth;
    connection->under_way--;
    connection->in_body = false;
    if (load->rate > 0) keep_idle(load, connection);
    if (!load->measuring) return;
    load->answered++;
    /* In the open loop a request belongs to the time in which it was due. */
    if (load->rate == 0 || begun >= load->begin.time) histogram_add(&load->latencies, (uint64_t)(now - begun));
    if (load->rate > 0) note_window(load, begun, now, connection->failed);
}

static size_t content_length(const char *head, const char *end)
{
    static const char name[] = "content-length:";
    for (const char *line = head; (line = memchr(line, '\n', (size_t)(end - line)));)
        if (strncasecmp(++line, name, sizeof name - 1) == 0) return strtoul(line + sizeof name - 1, NULL, 10);
    return 0;
}

/* Takes the head at `in + at`; its length, or 0 when it is not complete. */
static size_t take_head(struct load *load, struct connection *connection, size_t at)
{
    const char *head = connection->in + at;
    size_t length = connection->in_length - at;
    const char *end = memmem(head, length, "\r\n\r\n", 4);
    if (!end) return 0;
    if (!connection->under_way || memcmp(head, "HTTP/1.1 ", 9) != 0) fail("reply", "is none, or nobody asked for it");
    uint32_t status = (uint32_t)strtoul(head + 9, NULL, 10);
    connection->body_left = status == 204 || status == 304 ? 0 : content_length(head, end);
    connection->in_body = true;
    connection->failed = status >= 500;
    size_t head_length = (size_t)(end - head) + 4;
    if (load->measuring) {
        load->statuses[status / 100 < 6 ? status / 100 : 0]++;
        load->reply_bytes += head_length + connection->body_left;
    }
    if (status >= 300 && (!load->sample_status || (status >= 500 && load->sample_status < 500))) {
        load->sample_status = (int)status;
        memset(load->sample, 0, SAMPLE_SIZE);
        memcpy(load->sample, head, length < SAMPLE_SIZE ? length : SAMPLE_SIZE);
    }
    return head_length;
}

static void take_replies(struct load *load, struct connection *connection, int64_t now)
{
    size_t at = 0;
    for (;;) {
        if (!connection->in_body) {
            size_t head = take_head(load, connection, at);
            if (!head) break;
            at += head;
        }
        size_t here = connection->in_length - at;
        size_t body = here < connection->body_left ? here : connection->body_left;
        at += body;
        connection->body_left -= body;
        if (connection->body_left) break;
        finish_reply(load, connection, now);
    }
    connection->in_length -= at;
    memmove(connection->in, connection->in + at, connection->in_length);
    if (connection->in_length == INPUT_SIZE) fail("reply", "its head is too long");
}

static void on_readable(struct load *load, struct connection *connection)
{
    ssize_t received =
        recv(connection->socket, connection->in + connection->in_length, INPUT_SIZE - connection->in_length, 0);
    if (received < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (received <= 0) fail("connection", received ? strerror(errno) : "the server has closed it");
    connection->in_length += (size_t)received;
    int64_t now = now_ns();
    take_replies(load, connection, now);
    if (load->rate > 0) return;
    while (has_room(load, connection))
        add_request(load, connection, now);
    flush(load, connection);
}

/* ---- The run ------------------------------------------------------------------------------------------------------- */

static int open_socket(const struct load *load)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)load->port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int opened = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (opened < 0 || connect(opened, (struct sockaddr *)&address, sizeof address) != 0)
        fail("connect", strerror(errno));
    return opened;
}

static void allow_files(uint32_t wanted)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= wanted + 64) return;
    files.rlim_cur = files.rlim_max < wanted + 64 ? files.rlim_max : wanted + 64;
    setrlimit(RLIMIT_NOFILE, &files);
}

static struct connection *connect_one(struct load *load, uint32_t number)
{
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection) fail("connection", "no memory");
    connection->number = number;
    connection->next_template = number % load->template_count;
    connection->socket = open_socket(load);
    setsockopt(connection->socket, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, connection->socket, &event) != 0) fail("epoll", strerror(errno));
    return connection;
}

static void connect_all(struct load *load)
{
    allow_files(load->connection_count + load->idle_connections);
    for (uint32_t i = 0; i < load->idle_connections; i++)
        open_socket(load);

    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    load->idle_size = load->connection_count * load->depth;
    load->connections = calloc(load->connection_count, sizeof *load->connections);
    load->idle = calloc(load->idle_size, sizeof *load->idle);
    if (load->epoll < 0 || !load->connections || !load->idle) fail("start", strerror(errno));
    for (uint32_t i = 0; i < load->connection_count; i++)
        load->connections[i] = connect_one(load, i);
    for (uint32_t place = 0; place < load->depth; place++)
        for (uint32_t i = 0; i < load->connection_count; i++)
            keep_idle(load, load->connections[i]);
}

static int64_t due(const struct load *load)
{
    return load->start + (int64_t)((double)load->issued * 1e9 / load->rate);
}

/* Sends what is due, as far as there are free places; when nothing more is, returns when to come again. */
static int64_t send_due(struct load *load, int64_t now)
{
    while (load->idle_count && due(load) <= now) {
        struct connection *connection = load->idle[load->idle_first];
        load->idle_first = (load->idle_first + 1) % load->idle_size;
        load->idle_count--;
        add_request(load, connection, due(load));
        load->issued++;
        flush(load, connection);
    }
    return load->idle_count ? due(load) : INT64_MAX;
}

static void serve_events(struct load *load, int64_t until)
{
    struct epoll_event events[EVENTS_MOST];
    int64_t wait = until - now_ns();
    if (wait < 0) wait = 0;
    struct timespec timeout = {.tv_sec = wait / 1000000000, .tv_nsec = wait % 1000000000};
    int count = epoll_pwait2(load->epoll, events, EVENTS_MOST, &timeout, NULL);
    if (count < 0 && errno != EINTR) fail("epoll", strerror(errno));
    for (int i = 0; i < count; i++) {
        struct connection *connection = events[i].data.ptr;
        if (events[i].events & EPOLLOUT) flush(load, connection);
        if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) on_readable(load, connection);
    }
}

static void run_until(struct load *load, int64_t end)
{
    for (int64_t now; (now = now_ns()) < end;) {
        int64_t next = load->rate > 0 ? send_due(load, now) : end;
        serve_events(load, next < end ? next : end);
    }
}

/* What is due and unanswered has waited at least so long. */
static void count_unanswered(struct load *load)
{
    for (uint32_t i = 0; i < load->connection_count; i++) {
        const struct connection *connection = load->connections[i];
        for (uint32_t k = 0; k < connection->under_way; k++) {
            int64_t begun = connection->begun[(connection->oldest + k) % load->depth];
            if (begun >= load->begin.time) histogram_add(&load->latencies, (uint64_t)(load->end.time - begun));
        }
    }
    for (; due(load) < load->end.time; load->issued++)
        histogram_add(&load->latencies, (uint64_t)(load->end.time - due(load)));
}

static void run(struct load *load)
{
    load->start = now_ns();
    load->unique = (uint64_t)time(NULL) * 1000000000 + (uint64_t)load->start % 1000000000;
    for (uint32_t i = 0; load->rate == 0 && i < load->connection_count; i++) {
        while (has_room(load, load->connections[i]))
            add_request(load, load->connections[i], load->start);
        flush(load, load->connections[i]);
    }
    run_until(load, load->start + (int64_t)(load->warm_seconds * 1e9));
    take_moment(load, &load->begin);
    load->measuring = true;
    if (load->before_rate > 0) {
        run_until(load, load->begin.time + (int64_t)(load->before_seconds * 1e9));
        load->rate = load->then_rate;
        load->start = now_ns();
        load->issued = 0;
    }
    run_until(load, load->begin.time + (int64_t)((load->before_seconds + load->seconds) * 1e9));
    take_moment(load, &load->end);
    if (load->rate > 0) count_unanswered(load);
}

/* ---- The result ---------------------------------------------------------------------------------------------------- */

static double microseconds(uint64_t nanoseconds)
{
    return (double)nanoseconds / 1000;
}

static void print_threads(const struct load *load)
{
    uint64_t total = 0;
    printf(", \"threads\": [");
    for (uint32_t i = 0, shown = 0; i < load->end.thread_count; i++) {
        const struct thread_time *thread = &load->end.threads[i];
        uint64_t used = thread->nanoseconds - thread_nanoseconds(&load->begin, thread->id);
        total += used;
        if (used) printf("%s[\"%s\", %.3f]", shown++ ? ", " : "", thread->name, microseconds(used));
    }
    printf("], \"server_cpu_us\": %.3f", microseconds(total));
}

static void print_sample(const char *sample)
{
    printf(", \"refused\": \"");
    for (; *sample; sample++) {
        unsigned char byte = (unsigned char)*sample;
        if (byte < ' ' || byte > '~')
            printf("\\u%04x", byte);
        else
            printf(byte == '"' || byte == '\\' ? "\\%c" : "%c", byte);
    }
    printf("\"");
}

/* Of an open loop. */
static void print_windows(const struct load *load)
{
    uint32_t count = (uint32_t)(load->before_seconds + load->seconds);
    printf(", \"windows\": [");
    for (uint32_t i = 0; i < count && i < WINDOWS_MOST; i++) {
        const struct window *window = &load->windows[i];
        printf("%s{\"answered\": %llu, \"failed\": %llu, \"p99_us\": %.3f}", i ? ", " : "",
               (unsigned long long)window->answered, (unsigned long long)window->failed,
               microseconds(histogram_quantile(&window->latencies, 9900)));
    }
    printf("]");
}

static void print_result(const struct load *load)
{
    static const struct {
        const char *name;
        uint32_t of_ten_thousand;
    } quantiles[] = {{"p50", 5000}, {"p90", 9000}, {"p99", 9900}, {"p99_9", 9990}, {"p99_99", 9999}};
    double seconds = (double)(load->end.time - load->begin.time) / 1e9;
    const struct histogram *latencies = &load->latencies;
    printf("{\"seconds\": %.6f, \"answered\": %llu, \"rate\": %.1f, \"request_bytes\": %llu, \"reply_bytes\": %llu",
           seconds, (unsigned long long)load->answered, load->rate, (unsigned long long)load->request_bytes,
           (unsigned long long)load->reply_bytes);
    printf(", \"client_cpu_us\": %.3f", microseconds(load->end.client_nanoseconds - load->begin.client_nanoseconds));
    if (load->watched) print_threads(load);
    printf(", \"statuses\": {");
    for (uint32_t i = 1; i < 6; i++)
        printf("%s\"%uxx\": %llu", i > 1 ? ", " : "", i, (unsigned long long)load->statuses[i]);
    printf("}, \"latency_us\": {\"mean\": %.3f, \"max\": %.3f",
           latencies->count ? microseconds(latencies->sum) / (double)latencies->count : 0,
           microseconds(latencies->largest));
    for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++)
        printf(", \"%s\": %.3f", quantiles[i].name,
               microseconds(histogram_quantile(latencies, quantiles[i].of_ten_thousand)));
    printf("}");
    if (load->rate > 0) print_windows(load);
    if (load->sample[0]) print_sample(load->sample);
    printf("}\n");
}

/* ---- The command line ---------------------------------------------------------------------------------------------- */

static double number_of(const char *name, const char *value, double least, double most)
{
    char *end;
    double number = strtod(value, &end);
    if (end == value || *end || !(number >= least && number <= most)) fail(name, "its value is not possible");
    return number;
}

static void read_arguments(struct load *load, int count, char **words)
{
    static const struct option options[] = {
        {"port", required_argument, NULL, 'p'},           {"requests", required_argument, NULL, 'r'},
        {"connections", required_argument, NULL, 'c'},    {"depth", required_argument, NULL, 'd'},
        {"seconds", required_argument, NULL, 's'},        {"warm", required_argument, NULL, 'w'},
        {"rate", required_argument, NULL, 'R'},           {"watch", required_argument, NULL, 'P'},
        {"idle", required_argument, NULL, 'i'},           {"before-rate", required_argument, NULL, 'b'},
        {"before-seconds", required_argument, NULL, 'B'}, {0},
    };
    for (int option; (option = getopt_long(count, words, "", options, NULL)) != -1;)
        switch (option) {
        case 'p': load->port = (int)number_of("--port", optarg, 1, 65535); break;
        case 'r': load->requests_path = optarg; break;
        case 'c': load->connection_count = (uint32_t)number_of("--connections", optarg, 1, CONNECTIONS_MOST); break;
        case 'd': load->depth = (uint32_t)number_of("--depth", optarg, 1, DEPTH_MOST); break;
        case 's': load->seconds = number_of("--seconds", optarg, 0.01, 3600); break;
        case 'w': load->warm_seconds = number_of("--warm", optarg, 0, 3600); break;
        case 'R': load->rate = number_of("--rate", optarg, 0, 1e7); break;
        case 'P': load->watched = (int)number_of("--watch", optarg, 1, 1 << 30); break;
        case 'i': load->idle_connections = (uint32_t)number_of("--idle", optarg, 0, IDLE_MOST); break;
        case 'b': load->before_rate = number_of("--before-rate", optarg, 0, 1e7); break;
        case 'B': load->before_seconds = number_of("--before-seconds", optarg, 0.01, 3600); break;
        default: exit(2);
        }
    if ((load->before_rate > 0) != (load->before_seconds > 0) || (load->before_rate > 0 && load->rate <= 0))
        fail("usage", "--before-rate wants --before-seconds and --rate");
    if (!load->port || !load->requests_path || optind < count) fail("usage", "load --port N --requests FILE …");
}

int main(int count, char **words)
{
    static struct load load = {.connection_count = 32, .depth = 1, .seconds = 2, .warm_seconds = 0.3};
    read_arguments(&load, count, words);
    prctl(PR_SET_TIMERSLACK, 1000ul, 0, 0, 0); /* due times are kept to the microsecond, not to fifty */
    alarm((unsigned)(load.seconds + load.warm_seconds + load.before_seconds) + GRACE_SECONDS);
    read_templates(&load);
    load.windows = calloc(WINDOWS_MOST, sizeof *load.windows);
    if (!load.windows) fail("windows", "no memory");
    if (load.before_rate > 0) {
        load.then_rate = load.rate;
        load.rate = load.before_rate;
    }
    connect_all(&load);
    run(&load);
    print_result(&load);
    return 0;
}
