/* What a confined process can still do. Each case confines a child of its own and looks at how that ends. */
#include "main/confine.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char inside[64], outside[64]; /* directories */

static const char *name(const char *directory, const char *file)
{
    static char path[2][128];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", directory, file);
    return path[turn];
}

static int make_file(const char *path)
{
    int file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (file >= 0) close(file);
    return file < 0 ? errno : 0;
}

static int open_all(void **state)
{
    (void)state;
    if (!confine_is_possible()) return 0;
    snprintf(inside, sizeof inside, "/tmp/souk-confine-in-XXXXXX");
    snprintf(outside, sizeof outside, "/tmp/souk-confine-out-XXXXXX");
    if (!mkdtemp(inside) || !mkdtemp(outside)) return -1;
    mkdir(name(inside, "a"), 0700);
    mkdir(name(inside, "b"), 0700);
    return make_file(name(outside, "secret"));
}

static int close_all(void **state)
{
    (void)state;
    const char *const left[] = {"a/here", "b/there", "b/linked", "a/late", "a", "b", NULL};
    for (int i = 0; left[i]; i++)
        remove(name(inside, left[i]));
    remove(name(outside, "secret"));
    rmdir(inside);
    rmdir(outside);
    return 0;
}

/* The status of a child that confines itself and answers with `action`; 200: it could not be confined. */
static int confined(int (*action)(void))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        char problem[256];
        const struct confine_path paths[] = {{inside, CONFINE_WRITE},
                                             {"/etc/passwd", CONFINE_READ},
                                             {"/dev/null", CONFINE_WRITE},
                                             {"/no/such/path", CONFINE_READ},
                                             {0}};
        if (confine_files(paths, problem) < 0 || !confine_calls(problem)) {
            fprintf(stderr, "%s\n", problem);
            _exit(200);
        }
        _exit(action());
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

static bool kernel_has_landlock(void)
{
    enum { VERSION_FLAG = 1 };
    return syscall(SYS_landlock_create_ruleset, NULL, 0, VERSION_FLAG) >= 1;
}

/* ---- files ---- */

static int works_inside(void)
{
    int fault = make_file(name(inside, "a/here"));
    if (!fault && rename(name(inside, "a/here"), name(inside, "b/there")) != 0) fault = errno;
    if (!fault && link(name(inside, "b/there"), name(inside, "b/linked")) != 0) fault = errno;
    if (!fault && unlink(name(inside, "b/linked")) != 0) fault = errno;
    if (!fault && truncate(name(inside, "b/there"), 0) != 0) fault = errno;
    int file = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
    if (!fault && file < 0) fault = errno;
    return fault;
}

static int reads_outside(void)
{
    return open(name(outside, "secret"), O_RDONLY | O_CLOEXEC) < 0 ? errno : 0;
}

static int lists_outside(void)
{
    return open(outside, O_RDONLY | O_DIRECTORY | O_CLOEXEC) < 0 ? errno : 0;
}

static int writes_outside(void)
{
    return make_file(name(outside, "new"));
}

static int removes_outside(void)
{
    return unlink(name(outside, "secret")) != 0 ? errno : 0;
}

static int writes_what_it_may_read(void)
{
    return open("/etc/passwd", O_WRONLY | O_CLOEXEC) < 0 ? errno : 0;
}

static int goes_by_a_link(void)
{
    return symlink(outside, name(inside, "a/link")) != 0 ? errno : 0;
}

static void test_files(void **state)
{
    (void)state;
    if (!confine_is_possible() || !kernel_has_landlock()) skip();
    assert_int_equal(confined(works_inside), 0);
    assert_int_equal(confined(reads_outside), EACCES);
    assert_int_equal(confined(lists_outside), EACCES);
    assert_int_equal(confined(writes_outside), EACCES);
    assert_int_equal(confined(removes_outside), EACCES);
    assert_int_equal(access(name(outside, "secret"), F_OK), 0);
    assert_int_equal(confined(writes_what_it_may_read), EACCES);
    assert_int_not_equal(confined(goes_by_a_link), 0);
}

/* ---- calls ---- */

static int starts_a_program(void)
{
    char *const words[] = {(char *)"true", NULL};
    execve("/bin/true", words, NULL);
    return errno;
}

static int looks_into_its_parent(void)
{
    return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) != 0 ? errno : 0;
}

static int leaves_its_name_space(void)
{
    return unshare(CLONE_NEWUSER) != 0 ? errno : 0;
}

static int becomes_another_user(void)
{
    return setuid(12345) != 0 ? errno : 0;
}

static int forks(void)
{
    pid_t child = fork();
    if (!child) _exit(0);
    return child < 0 ? errno : 0;
}

static int kills_its_parent(void)
{
    return kill(getppid(), 0) != 0 ? errno : 0;
}

static int opens_a_raw_socket(void)
{
    return socket(AF_PACKET, SOCK_RAW, 0) < 0 ? errno : 0;
}

static int writes_its_own_code(void)
{
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 199;
    return mprotect(memory, 4096, PROT_READ | PROT_WRITE | PROT_EXEC) != 0 ? errno : 0;
}

static int confines_itself_less(void)
{
    return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0 ? errno : 0;
}

static int calls_what_nobody_knows(void)
{
    return syscall(SYS_vhangup) != 0 ? errno : 0;
}

static void test_calls(void **state)
{
    (void)state;
    if (!confine_is_possible()) skip();
    assert_int_equal(confined(starts_a_program), 1000 + SIGSYS);
    assert_int_equal(confined(looks_into_its_parent), 1000 + SIGSYS);
    assert_int_equal(confined(leaves_its_name_space), 1000 + SIGSYS);
    assert_int_equal(confined(becomes_another_user), 1000 + SIGSYS);
    assert_int_equal(confined(forks), ENOSYS);
    assert_int_equal(confined(kills_its_parent), ENOSYS);
    assert_int_equal(confined(opens_a_raw_socket), ENOSYS);
    assert_int_equal(confined(writes_its_own_code), ENOSYS);
    assert_int_equal(confined(confines_itself_less), ENOSYS);
    assert_int_equal(confined(calls_what_nobody_knows), ENOSYS);
}

/* ---- what threads of later may ---- */

static void *look_outside(void *context)
{
    int *fault = context;
    *fault = open(name(outside, "secret"), O_RDONLY | O_CLOEXEC) < 0 ? errno : 0;
    if (!*fault) return NULL;
    return make_file(name(inside, "a/late")) == 0 ? context : NULL;
}

static int has_threads(void)
{
    pthread_t thread;
    void *answer = NULL;
    int fault = 0;
    if (pthread_create(&thread, NULL, look_outside, &fault) != 0) return 198;
    pthread_setname_np(thread, "late");
    pthread_join(thread, &answer);
    return answer ? fault : 197;
}

static int resolves_names(void)
{
    struct addrinfo *found = NULL, wanted = {.ai_socktype = SOCK_STREAM};
    int fault = getaddrinfo("127.0.0.1", "80", &wanted, &found);
    if (!fault) freeaddrinfo(found);
    int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fault || connection < 0;
}

static int ends_by_itself(void)
{
    signal(SIGABRT, SIG_DFL);
    abort();
}

static void test_threads_and_the_rest(void **state)
{
    (void)state;
    if (!confine_is_possible()) skip();
    assert_int_equal(confined(has_threads), kernel_has_landlock() ? EACCES : 197);
    assert_int_equal(confined(resolves_names), 0);
    assert_int_equal(confined(ends_by_itself), 1000 + SIGABRT);
}

static void test_is_possible(void **state)
{
    (void)state;
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
    assert_false(confine_is_possible());
#else
    assert_true(confine_is_possible());
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_threads_and_the_rest),
        cmocka_unit_test(test_is_possible),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
