/* Compiler launcher: stands in front of every compiler of a build and asks the build driver what to do.
 *
 * A build's PATH begins with a folder of compiler names that are links to this program. It finds the real compiler,
 * tells the driver the command line over a Unix socket, and does what the driver answers:
 *
 *   R  replace this process by the compiler (exec)
 *   W  run the compiler as a child, report its status, end with the same status
 *   P  run a preprocessor, keep its output in a file, report whether it worked
 *   D  write an object file that another machine compiled, end with status 0
 *
 * Whatever goes wrong, the compiler runs as if this program were not there: no driver, a driver that ends, an answer
 * that is not understood, an object that cannot be written. The policy is in the driver, none of it is here.
 *
 * Messages are `kind` (1 byte), length (4 bytes, native order), then strings that end with a zero byte each.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define VERSION "farmhand-launcher 1"
#define OWN_NAME "farmhand-launcher"
#define SESSION "farmhand-build-" /* how the name of a build's folder in PATH begins */
#define DEFAULT_PATH "/bin:/usr/bin"       /* where execvp looks when there is no PATH */
#define MAX_MESSAGE (64u << 20)

extern char **environ;

static struct stat self;
static char **words;           /* the compiler's command line */
static const char *called; /* the name by which this launcher was reached */
static const char *next;       /* the program that PATH names without this launcher */
static const char *unfinished; /* an object that is being written */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int is_self(const char *path)
{
    struct stat found;
    return stat(path, &found) == 0 && found.st_dev == self.st_dev && found.st_ino == self.st_ino;
}

static void *allocate(size_t size)
{
    void *made = malloc(size ? size : 1);
    if (!made)
        abort();
    return made;
}

/* The next entry of a PATH-like list; an empty entry is the current folder. Returns NULL at the end. */
static char *entry(const char **list)
{
    const char *from = *list;
    if (!from)
        return NULL;
    const char *colon = strchrnul(from, ':');
    *list = *colon ? colon + 1 : NULL;
    return colon == from ? strdup(".") : strndup(from, colon - from);
}

static char *joined(const char *folder, const char *name)
{
    char *path;
    if (asprintf(&path, "%s/%s", folder, name) < 0)
        abort();
    return path;
}

/* A file of ours never takes the place of a standard input, output or error that is closed. */
static int aside(int file, int how)
{
    if (file < 0 || file > 2)
        return file;
    int moved = fcntl(file, how, 3);
    close(file);
    return moved;
}

/* The first executable of this name in PATH that is not this launcher; NULL: there is none. */
static char *find(const char *name)
{
    const char *list = getenv("PATH");
    if (!list)
        list = DEFAULT_PATH;
    for (char *folder; (folder = entry(&list)); free(folder)) {
        char *path = joined(folder, name);
        struct stat found;
        if (stat(path, &found) == 0 && S_ISREG(found.st_mode) && access(path, X_OK) == 0 && !is_self(path))
            return path;
        free(path);
    }
    return NULL;
}

/* Leave the compiler the PATH that it would have without this launcher. */
static void restore_path(const char *name)
{
    const char *list = getenv("PATH");
    if (!list)
        return;
    char *kept = allocate(strlen(list) + 2);
    size_t size = 0;
    while (list) { /* what stays has a colon in front of it, so that an empty entry is not lost */
        const char *from = list;
        const char *colon = strchrnul(from, ':');
        size_t length = colon - from;
        char *folder = entry(&list);
        char *inside = joined(folder, name);
        if (strncmp(base_name(folder), SESSION, strlen(SESSION)) != 0 && !is_self(inside)) {
            kept[size++] = ':';
            memcpy(kept + size, from, length);
            size += length;
        }
        free(inside);
        free(folder);
    }
    kept[size] = 0;
    setenv("PATH", size ? kept + 1 : DEFAULT_PATH, 1);
    free(kept);
}

static void execute(const char *program, char **arguments)
{
    restore_path(called);
    unsetenv("FARMHAND_SESSION");
    execv(program, arguments);
    if (errno == ENOEXEC) { /* a script without a first line: what execvp and every shell do */
        size_t count = 0;
        while (arguments[count])
            count++;
        char **script = allocate((count + 2) * sizeof *script);
        script[0] = "/bin/sh";
        script[1] = (char *)program;
        for (size_t place = 1; place <= count; place++)
            script[place + 1] = arguments[place];
        execv(script[0], script);
    }
    fprintf(stderr, "%s: %s\n", program, strerror(errno));
    _exit(errno == ENOENT ? 127 : 126);
}

static void run_original(void)
{
    execute(next, words);
}

static int read_all(int from, void *into, size_t size)
{
    for (size_t got = 0; got < size;) {
        ssize_t step = read(from, (char *)into + got, size - got);
        if (step > 0)
            got += step;
        else if (step == 0 || errno != EINTR)
            return 0;
    }
    return 1;
}

static int write_all(int to, const void *data, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t step = write(to, (const char *)data + done, size - done);
        if (step > 0)
            done += step;
        else if (step == 0 || errno != EINTR)
            return 0;
    }
    return 1;
}

/* MSG_NOSIGNAL: a driver that has ended is no reason to die. */
static int tell(int driver, char kind, const void *body, uint32_t size)
{
    char *message = allocate(5 + size);
    message[0] = kind;
    memcpy(message + 1, &size, 4);
    memcpy(message + 5, body, size);
    int sent = 1;
    for (size_t done = 0; sent && done < 5 + size;) {
        ssize_t step = send(driver, message + done, 5 + size - done, MSG_NOSIGNAL);
        if (step > 0)
            done += step;
        else if (errno != EINTR)
            sent = 0;
    }
    free(message);
    return sent;
}

static int connect_to(const char *folder)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", folder) >= (int)sizeof address.sun_path)
        return -1;
    int made = aside(socket(AF_UNIX, SOCK_STREAM, 0), F_DUPFD);
    if (made >= 0 && connect(made, (struct sockaddr *)&address, sizeof address) != 0) {
        close(made);
        made = -1;
    }
    return made;
}

/* The driver's folder stands in PATH, which survives a build tool that clears the environment, or in a variable. */
static int connect_to_driver(void)
{
    const char *list = getenv("PATH"), *named = getenv("FARMHAND_SESSION");
    for (char *folder; (folder = entry(&list)); free(folder)) {
        int made = strncmp(base_name(folder), SESSION, strlen(SESSION)) == 0 ? connect_to(folder) : -1;
        if (made >= 0)
            return made;
    }
    return named ? connect_to(named) : -1;
}

/* The current folder as compilers write it into objects: $PWD where that is right, else its real path. */
static char *current_folder(void)
{
    const char *told = getenv("PWD");
    struct stat here, there;
    if (told && told[0] == '/' && stat(told, &there) == 0 && stat(".", &here) == 0 && here.st_dev == there.st_dev &&
        here.st_ino == there.st_ino)
        return strdup(told);
    char *found = getcwd(NULL, 0);
    return found ? found : strdup("");
}

static size_t add(char *to, size_t at, const char *text)
{
    size_t size = strlen(text) + 1;
    if (to)
        memcpy(to + at, text, size);
    return at + size;
}

/* Version, program, folder, number of words, words, variables. */
static int introduce(int driver)
{
    char count[24], *folder = current_folder(), *message = NULL;
    size_t size = 0, number = 0;
    while (words[number])
        number++;
    snprintf(count, sizeof count, "%zu", number);
    for (int turn = 0; turn < 2; turn++) { /* first measure, then write */
        size = add(message, 0, VERSION);
        size = add(message, size, next);
        size = add(message, size, folder);
        size = add(message, size, count);
        for (char **word = words; *word; word++)
            size = add(message, size, *word);
        for (char **variable = environ; *variable; variable++)
            size = add(message, size, *variable);
        if (!message)
            message = allocate(size);
    }
    return tell(driver, 'H', message, size);
}

/* The strings of a message as a list that ends with NULL, and their number; a zero byte follows the message. */
static char **strings(char *body, uint32_t size, long *number)
{
    long count = 0;
    for (uint32_t at = 0; at < size; at += strlen(body + at) + 1)
        count++;
    char **list = allocate((count + 1) * sizeof *list);
    for (long place = 0; place < count; body += strlen(body) + 1)
        list[place++] = body;
    list[count] = NULL;
    *number = count;
    return list;
}

static pid_t spawn(const char *program, char **arguments, int driver, int output, int errors)
{
    int nothing = output >= 0 ? aside(open("/dev/null", O_RDONLY | O_CLOEXEC), F_DUPFD_CLOEXEC) : -1;
    signal(SIGCHLD, SIG_DFL); /* or the status of a child is lost where it was ignored */
    pid_t parent = getpid(), child = fork();
    if (child != 0) {
        if (nothing >= 0)
            close(nothing);
        return child;
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* whoever ends the launcher means the compiler */
    if (getppid() != parent)
        _exit(126);
    close(driver);
    if (nothing >= 0)
        dup2(nothing, 0); /* standard input is for the compiler itself */
    if (output >= 0)
        dup2(output, 1);
    if (errors >= 0)
        dup2(errors, 2);
    execute(program, arguments);
    _exit(126);
}

static int wait_for(pid_t child)
{
    int status = -1;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

/* Tell whether a file holds one of the words. */
static int holds(int file, char **sought, long count)
{
    struct stat found;
    if (fstat(file, &found) != 0 || found.st_size == 0)
        return 0;
    char *text = mmap(NULL, found.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (text == MAP_FAILED)
        return 1;
    int hit = 0;
    for (long place = 0; place < count && !hit; place++)
        hit = memmem(text, found.st_size, sought[place], strlen(sought[place])) != NULL;
    munmap(text, found.st_size);
    return hit;
}

/* File for the output, number of words, words, program, arguments. Answers K (good), X (not), F (a word was found). */
static int preprocess(int driver, char **order, long size)
{
    long count = size > 3 ? strtol(order[1], NULL, 10) : -1;
    if (count < 0 || count > size - 4)
        return 0;
    char **sought = order + 2, **arguments = sought + count + 1;
    struct stat said;
    int output = aside(open(order[0], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), F_DUPFD_CLOEXEC);
    int errors = aside(memfd_create("messages", MFD_CLOEXEC), F_DUPFD_CLOEXEC);
    if (output < 0 || errors < 0)
        return 0;
    pid_t child = spawn(sought[count], arguments, driver, output, errors);
    int good = child > 0 && wait_for(child) == 0 && fstat(errors, &said) == 0 && said.st_size == 0;
    char answer = !good ? 'X' : holds(output, sought, count) ? 'F' : 'K';
    close(output);
    close(errors);
    return tell(driver, answer, "", 0);
}

/* Run the compiler as a child and end as it ends. */
static void run_and_report(int driver)
{
    pid_t child = spawn(next, words, driver, -1, -1);
    if (child < 0)
        return;
    int status = wait_for(child);
    tell(driver, 'S', &status, sizeof status);
    if (WIFSIGNALED(status)) {
        signal(WTERMSIG(status), SIG_DFL);
        raise(WTERMSIG(status));
    }
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static void give_up(int number)
{
    unlink(unfinished);
    signal(number, SIG_DFL);
    raise(number);
}

/* Half an object must not stay behind: make would take it for a whole one. */
static void unlink_on_signals(const char *path)
{
    static const int ending[] = {SIGHUP, SIGINT, SIGTERM};
    unfinished = path;
    for (size_t place = 0; place < sizeof ending / sizeof *ending; place++)
        if (signal(ending[place], give_up) == SIG_IGN)
            signal(ending[place], SIG_IGN);
}

/* Write the object as an assembler does: a file that holds something is replaced. What a link, a pipe or a device as
 * output means is left to the compiler, and so is what an empty or a closed file means to each of them. */
static int receive_object(int driver, const char *path)
{
    static char buffer[1 << 16];
    uint64_t left;
    struct stat found;
    if (!read_all(driver, &left, sizeof left))
        return 0;
    int is_there = lstat(path, &found) == 0;
    if (is_there && (!S_ISREG(found.st_mode) || !found.st_size || access(path, W_OK) != 0))
        return 0;
    unlink_on_signals(path);
    signal(SIGXFSZ, SIG_IGN); /* a limit on the size of files: writing fails, and the compiler says what it says */
    if (is_there)
        unlink(path);
    int object = aside(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666), F_DUPFD_CLOEXEC);
    if (object < 0)
        return 0;
    int good = 1;
    for (; good && left; left -= left < sizeof buffer ? left : sizeof buffer) {
        size_t step = left < sizeof buffer ? left : sizeof buffer;
        good = read_all(driver, buffer, step) && write_all(object, buffer, step);
    }
    signal(SIGXFSZ, SIG_DFL);
    return close(object) == 0 && good;
}

static void obey(int driver)
{
    for (;;) {
        char kind;
        uint32_t size;
        if (!read_all(driver, &kind, 1) || !read_all(driver, &size, 4) || size > MAX_MESSAGE)
            return;
        char *body = allocate(size + 1);
        body[size] = 0;
        if (!read_all(driver, body, size))
            return;
        long count;
        char **order = strings(body, size, &count);
        if (kind == 'P') {
            if (!preprocess(driver, order, count))
                return;
        } else if (kind == 'D' && count == 1) {
            if (receive_object(driver, order[0]))
                _exit(0);
            return;
        } else if (kind == 'W') {
            run_and_report(driver);
        } else if (kind == 'R') {
            run_original(); /* the socket stays open: its end tells the driver of the compiler's */
        } else {
            return;
        }
        free(order);
        free(body);
    }
}

int main(int count, char **arguments)
{
    if (count < 1)
        return 127;
    if (stat("/proc/self/exe", &self) != 0 && stat((const char *)getauxval(AT_EXECFN), &self) != 0)
        memset(&self, 0, sizeof self);
    const char *file = (const char *)getauxval(AT_EXECFN); /* the caller may choose any argv[0] */
    called = base_name(file ? file : arguments[0]);
    int is_front = count > 1 && strcmp(called, OWN_NAME) == 0;
    words = arguments + is_front;
    if (is_front)
        called = base_name(words[0]);
    int is_path = strchr(words[0], '/') != NULL, own = is_path && is_self(words[0]);
    next = is_front && is_path && !own ? words[0] : find(called);
    if (!next) {
        fprintf(stderr, "%s: no such command\n", called);
        return 127;
    }
    if (own)
        words[0] = (char *)next;
    int driver = connect_to_driver();
    if (driver >= 0 && introduce(driver))
        obey(driver);
    if (driver >= 0)
        close(driver);
    run_original();
}
