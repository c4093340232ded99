/* SPDX-License-Identifier: MIT */
/* Names and numbers as text. */
#include "explore.h"
#include <signal.h>
#include <string.h>

const char *order_name(enum cede_order order)
{
        switch (order) {
        case CEDE_FIFO:
                return "fifo";
        case CEDE_LIFO:
                return "lifo";
        case CEDE_PRIORITY:
                return "priority";
        default:
                return "unknown";
        }
}

unsigned utf8_length(const char *p)
{
        const unsigned char *u = (const unsigned char *)p;
        unsigned length, code;

        if (u[0] < 0x80)
                return u[0] >= 0x20 && u[0] != 0x7f;
        if (u[0] >= 0xc2 && u[0] < 0xe0)
                length = 2;
        else if (u[0] >= 0xe0 && u[0] < 0xf0)
                length = 3;
        else if (u[0] >= 0xf0 && u[0] < 0xf5)
                length = 4;
        else
                return 0;
        code = u[0] & (0x7fu >> length);
        for (unsigned i = 1; i < length; i++) {
                if ((u[i] & 0xc0) != 0x80)
                        return 0; /* the NUL at the end, too */
                code = code << 6 | (u[i] & 0x3f);
        }
        /* Control characters, surrogates, what is longer than it need be, beyond the last. */
        if (code < 0xa0 || (code >= 0xd800 && code < 0xe000) || (length == 3 && code < 0x800) ||
            (length == 4 && code < 0x10000) || code > 0x10ffff)
                return 0;
        return length;
}

void print_name(FILE *to, const char *name)
{
        for (unsigned length; *name; name += length ? length : 1) {
                length = utf8_length(name);
                if (*name == '\\')
                        fputs("\\\\", to);
                else if (length)
                        fwrite(name, 1, length, to);
                else if (*name == '\n')
                        fputs("\\n", to);
                else
                        fprintf(to, "\\x%02x", (unsigned char)*name);
        }
}

const char *grouped(uint64_t n, struct number *room)
{
        char *p = room->text + sizeof(room->text);
        unsigned digits = 0;

        *--p = '\0';
        do {
                if (digits && digits % 3 == 0)
                        *--p = ',';
                *--p = (char)('0' + n % 10);
                digits++;
        } while (n /= 10);
        return p;
}

const char *size_text(uint64_t bytes, struct number *room)
{
        static const char units[] = "KMGTPE";
        double n = (double)bytes / 1024;
        unsigned unit = 0;

        if (bytes < 1024) {
                snprintf(room->text, sizeof(room->text), "%u B", (unsigned)bytes);
                return room->text;
        }
        for (; n >= 1023.95; n /= 1024) /* or it would be printed as 1024.0 */
                unit++;
        snprintf(room->text, sizeof(room->text), "%.1f %ciB", n, units[unit]);
        return room->text;
}

const char *signal_text(int signal, struct number *room)
{
        /* glibc has sigabbrev_np for it, musl nothing. */
        static const char *const names[] = {
                [SIGHUP] = "SIGHUP",       [SIGINT] = "SIGINT",   [SIGQUIT] = "SIGQUIT",
                [SIGILL] = "SIGILL",       [SIGTRAP] = "SIGTRAP", [SIGABRT] = "SIGABRT",
                [SIGBUS] = "SIGBUS",       [SIGFPE] = "SIGFPE",   [SIGKILL] = "SIGKILL",
                [SIGUSR1] = "SIGUSR1",     [SIGSEGV] = "SIGSEGV", [SIGUSR2] = "SIGUSR2",
                [SIGPIPE] = "SIGPIPE",     [SIGALRM] = "SIGALRM", [SIGTERM] = "SIGTERM",
                [SIGCHLD] = "SIGCHLD",     [SIGCONT] = "SIGCONT", [SIGSTOP] = "SIGSTOP",
                [SIGTSTP] = "SIGTSTP",     [SIGTTIN] = "SIGTTIN", [SIGTTOU] = "SIGTTOU",
                [SIGURG] = "SIGURG",       [SIGXCPU] = "SIGXCPU", [SIGXFSZ] = "SIGXFSZ",
                [SIGVTALRM] = "SIGVTALRM", [SIGPROF] = "SIGPROF", [SIGWINCH] = "SIGWINCH",
                [SIGIO] = "SIGIO",         [SIGPWR] = "SIGPWR",   [SIGSYS] = "SIGSYS",
        };

        if (signal >= 0 && (size_t)signal < sizeof(names) / sizeof(*names) && names[signal])
                return names[signal];
        snprintf(room->text, sizeof(room->text), "signal %d", signal);
        return room->text;
}
