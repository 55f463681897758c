/*
 * Another process: the test itself, started again by `start`, which does what it is told line by line on its standard
 * input, and answers each with a line. And clocks that can be moved, in both.
 *
 * A test includes this once, after _POSIX_C_SOURCE and tap.h. Its `main` begins with `begin`.
 */
#ifndef OTHER_H
#define OTHER_H

#include <fcntl.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static char *program;
static char *issuer;
static char *folder;

/* The system's clocks, some seconds ahead, and the wall clock some seconds behind; or where they were stopped. */
static atomic_llong ahead_ms;
static atomic_llong behind_ms;
static atomic_llong wall_stopped_ms;
static atomic_llong boot_stopped_ms;

static inline int64_t clock_ms(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline int64_t wall(void *context) {
    long long stopped = atomic_load(&wall_stopped_ms);
    long long now = context == NULL && stopped == 0 ? clock_ms(CLOCK_REALTIME) : stopped;
    return now + atomic_load(&ahead_ms) - atomic_load(&behind_ms);
}

static inline int64_t boot(void *context) {
    long long stopped = atomic_load(&boot_stopped_ms);
    long long now = context == NULL && stopped == 0 ? clock_ms(CLOCK_MONOTONIC) : stopped;
    return now + atomic_load(&ahead_ms);
}

/* For a back-off that is not to be over sooner on a slow machine. */
static inline void stop_clocks(bool stopped) {
    atomic_store(&wall_stopped_ms, stopped ? clock_ms(CLOCK_REALTIME) : 0);
    atomic_store(&boot_stopped_ms, stopped ? clock_ms(CLOCK_MONOTONIC) : 0);
}

static inline keyfob_config *configure_clock(const char *store) {
    keyfob_config *config = configure(issuer, folder, store);
    keyfob_error *error = NULL;
    must(keyfob_config_set_clock(config, "this boot", wall, boot, NULL, NULL, &error), &error, "clock");
    return config;
}

/* What is said to a process, and by one. A token in it is for the test alone: it is not printed. */
#define LINE 8192

/* The other process. */
static inline int serve(const char *store) {
    keyfob_handle *keyfob = open_config(configure_clock(store));
    keyfob_error *error = NULL;
    char line[LINE];
    printf("ready\n");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL) {
        char verb[16];
        char session[128];
        long long min_validity = 0;
        keyfob_token *token = NULL;
        if (sscanf(line, "%15s %127s %lld", verb, session, &min_validity) < 2) {
            give_up("the other process does not understand");
        }
        keyfob_status status = strcmp(verb, "end") == 0
                                   ? keyfob_end_session(keyfob, session, NULL, NULL, &error)
                                   : keyfob_access_token(keyfob, session, min_validity, &token, &error);
        if (status == KEYFOB_OK) {
            printf("%s\n", token == NULL ? "done" : keyfob_token_secret(token));
        } else {
            printf("%s\n", keyfob_error_message(error));
        }
        fflush(stdout);
        keyfob_token_free(token);
        keyfob_error_free(error);
    }
    keyfob_free(keyfob);
    return EXIT_SUCCESS;
}

struct process {
    pid_t pid;
    FILE *to;
    FILE *from;
};

static inline const char *hear(struct process *process) {
    static char lines[2][LINE];
    static int turn;
    char *line = lines[turn = !turn];
    if (fgets(line, LINE, process->from) == NULL) {
        give_up("the other process does not answer");
    }
    line[strcspn(line, "\n")] = '\0';
    return line;
}

static inline void tell(struct process *process, const char *verb, const keyfob_session *session, int64_t min_validity) {
    fprintf(process->to, "%s %s %lld\n", verb, keyfob_session_id(session), (long long)min_validity);
    fflush(process->to);
}

static inline struct process start(const char *store, long long ahead) {
    int to[2];
    int from[2];
    char text[32];
    snprintf(text, sizeof text, "%lld", ahead);
    char name[64];
    snprintf(name, sizeof name, "%s", store);
    char *arguments[] = {program, issuer, folder, name, text, NULL};
    struct process process = {0};
    posix_spawn_file_actions_t actions;
    if (pipe(to) != 0 || pipe(from) != 0 || posix_spawn_file_actions_init(&actions) != 0) {
        give_up("no pipe");
    }
    /* The ends of this process are no business of the next one that is started. */
    fcntl(to[1], F_SETFD, FD_CLOEXEC);
    fcntl(from[0], F_SETFD, FD_CLOEXEC);
    posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, to[0]);
    posix_spawn_file_actions_addclose(&actions, from[1]);
    if (posix_spawn(&process.pid, program, &actions, NULL, arguments, environ) != 0) {
        give_up("the other process did not start");
    }
    posix_spawn_file_actions_destroy(&actions);
    close(to[0]);
    close(from[1]);
    process.to = fdopen(to[1], "w");
    process.from = fdopen(from[0], "r");
    same(hear(&process), "ready", "another process");
    return process;
}

static inline void stop(struct process *process) {
    int status = 0;
    fclose(process->to);
    fclose(process->from);
    waitpid(process->pid, &status, 0);
    ok(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS, "the other process ends well");
}

static inline keyfob_health *health_of(const keyfob_handle *keyfob) {
    keyfob_health *health = NULL;
    keyfob_error *error = NULL;
    must(keyfob_read_health(keyfob, &health, &error), &error, "health");
    return health;
}

/* Of `NAME ISSUER EMPTY_FOLDER`; or, as the other process, of `NAME ISSUER FOLDER STORE AHEAD_MS`. */
static inline void begin(int argc, char **argv) {
    if (argc != 3 && argc != 5) {
        give_up("usage: NAME ISSUER EMPTY_FOLDER");
    }
    program = argv[0];
    issuer = argv[1];
    folder = argv[2];
    if (argc == 5) {
        atomic_store(&ahead_ms, atoll(argv[4]));
        exit(serve(argv[3]));
    }
}

#endif
