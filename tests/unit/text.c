/* SPDX-License-Identifier: MIT */
/* base/text.h: what is written where, and when. */
#include "base/text.h"
#include "test.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What was written: the text's own end of a pipe is `t.fd`. */
static struct {
        struct cede__text text;
        int from;
        char got[64 * 1024 + 1];
} w;

static struct cede__text *open_pipe(void)
{
        int ends[2];

        EXPECT_EQ(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
        w.from = ends[0];
        cede__text_open(&w.text, ends[1]);
        return &w.text;
}

/* All that has been written since the last call. */
static const char *written(void)
{
        ssize_t n = read(w.from, w.got, sizeof(w.got) - 1);

        w.got[n < 0 ? 0 : n] = 0;
        return w.got;
}

static void close_pipe(void)
{
        close(w.from);
        close(w.text.fd);
}

TEST(writes_at_the_end_of_a_line)
{
        struct cede__text *t = open_pipe();

        cede__text_add(t, "%d + %d", 1, 2);
        EXPECT_STR(written(), "");
        cede__text_add(t, " = %s\n", "3");
        EXPECT_STR(written(), "1 + 2 = 3\n");
        close_pipe();
}

TEST(flush_writes_what_there_is)
{
        struct cede__text *t = open_pipe();

        cede__text_add(t, "half a line");
        cede__text_flush(t);
        EXPECT_STR(written(), "half a line");
        cede__text_flush(t);
        EXPECT_STR(written(), "");
        close_pipe();
}

TEST(empty_pieces_are_nothing)
{
        struct cede__text *t = open_pipe();

        cede__text_add(t, "%s", "");
        cede__text_flush(t);
        EXPECT_STR(written(), "");
        close_pipe();
}

TEST(a_line_longer_than_the_buffer_keeps_all_its_pieces)
{
        struct cede__text *t = open_pipe();
        char expected[16];
        const char *got;

        for (int i = 0; i < 5000; i++)
                cede__text_add(t, "%d,", 10000 + i);
        cede__text_add(t, "\n");
        got = written();
        EXPECT_EQ(strlen(got), 5000 * 6 + 1);
        for (int i = 0; i < 5000; i++) {
                snprintf(expected, sizeof(expected), "%d,", 10000 + i);
                EXPECT(strncmp(got + i * 6, expected, 6) == 0);
        }
        close_pipe();
}

/* Every length around the buffer's, so that each way of filling it exactly is among them. */
TEST(pieces_of_every_length)
{
        static char piece[520];

        for (size_t length = 1; length < 511; length++) {
                struct cede__text *t = open_pipe();

                memset(piece, 'x', length);
                piece[length] = 0;
                cede__text_add(t, "<");
                cede__text_add(t, "%s", piece);
                cede__text_add(t, ">\n");
                EXPECT_EQ(strlen(written()), length + 3);
                EXPECT(w.got[0] == '<' && w.got[1] == 'x');
                EXPECT_STR(w.got + length, "x>\n");
                close_pipe();
        }
}

TEST(a_piece_longer_than_the_buffer_is_cut)
{
        struct cede__text *t = open_pipe();
        static char piece[5000];
        size_t kept;

        memset(piece, 'x', sizeof(piece) - 1);
        cede__text_add(t, "before ");
        cede__text_add(t, "%s", piece);
        cede__text_add(t, " after\n");
        kept = strlen(written()) - strlen("before  after\n");
        EXPECT(kept > 400 && kept < sizeof(t->buffer));
        EXPECT(strncmp(w.got, "before xxx", 10) == 0);
        EXPECT_STR(w.got + 7 + kept, " after\n");
        close_pipe();
}

TEST(nobody_to_write_to_is_no_error)
{
        struct cede__text t;

        cede__text_open(&t, -1);
        cede__text_add(&t, "into the void\n");
        EXPECT_EQ(t.used, 0);
}

TEST(site_in_a_library_names_function_and_module)
{
        struct cede__text *t = open_pipe();
        char function[16], module[32];
        unsigned offset;

        cede__text_site(t, (const char *)dprintf + 1);
        cede__text_flush(t);
        EXPECT_EQ(sscanf(written(), "%15s %31[^+]+%x", function, module, &offset), 3);
        EXPECT_STR(function, "dprintf");
        EXPECT(strncmp(module, "libc", 4) == 0 || strncmp(module, "ld-musl", 7) == 0);
        close_pipe();
}

TEST(site_in_a_program_names_file_and_offset)
{
        struct cede__text *t = open_pipe();
        char module[16];
        unsigned offset;

        cede__text_site(t, (const char *)open_pipe + 1);
        cede__text_flush(t);
        EXPECT_EQ(sscanf(written(), "%15[^+]+%x", module, &offset), 2);
        EXPECT_STR(module, "text");
        close_pipe();
}

TEST(site_nowhere_is_a_number)
{
        struct cede__text *t = open_pipe();

        cede__text_site(t, (const void *)1);
        cede__text_add(t, " ");
        cede__text_site(t, NULL);
        cede__text_flush(t);
        EXPECT_STR(written(), "0x1 0x0");
        close_pipe();
}

TEST_ABORTS(die_says_why, "cede: only 3 of 4 left\n")
{
        cede__die("only %d of %d left", 3, 4);
}

TEST(die_ends_a_long_message_with_its_line)
{
        static char message[2000];
        int status;
        size_t n;

        open_pipe();
        memset(message, 'x', sizeof(message) - 1);
        if (fork() == 0) {
                dup2(w.text.fd, STDERR_FILENO);
                cede__die("%s", message);
        }
        EXPECT(wait(&status) > 0);
        EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
        n = strlen(written());
        EXPECT(n > 400);
        EXPECT(strncmp(w.got, "cede: xxx", 9) == 0);
        EXPECT(w.got[n - 1] == '\n');
        close_pipe();
}
