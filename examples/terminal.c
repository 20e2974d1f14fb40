/* terminal.c - see terminal.h. */
#if defined(__unix__) || defined(__APPLE__)
#define _POSIX_C_SOURCE 200112L     /* isatty, fileno */
#include <stdio.h>
#include <unistd.h>
#define terminal_live(f) isatty(fileno(f))
#else
#include <stdio.h>
#define terminal_live(f) 0
#endif

#include "terminal.h"
#include <signal.h>
#include <stdarg.h>
#include <string.h>

enum { COLUMNS = 79, PATIENCE = 10 };       /* {s} between lines of one stage */

static volatile sig_atomic_t stop_asked;

static void on_signal(int sig)
{
    stop_asked = 1;
    signal(sig, SIG_DFL);
}

void terminal_start(terminal *t, int quiet)
{
    memset(t, 0, sizeof *t);
    t->quiet = quiet;
    t->live = !quiet && terminal_live(stderr);
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
}

int terminal_stopped(void) { return stop_asked; }

void terminal_clear(terminal *t)
{
    if (t->shown) fprintf(stderr, "\r%*s\r", (int)t->shown, "");
    t->shown = 0;
}

static void time_left(char *text, size_t size, double seconds)
{
    if (seconds < 100) snprintf(text, size, ", %.0f s left", seconds);
    else if (seconds < 6000) snprintf(text, size, ", %.0f min left", seconds/60);
    else snprintf(text, size, ", %.1f h left", seconds/3600);
}

void terminal_progress(terminal *t, const char *stage, double done, const char *rest)
{
    const time_t now = time(NULL);
    char line[COLUMNS + 1], share[8] = "", left[32] = "";
    int n;
    if (t->quiet) return;
    if (strcmp(t->stage, stage) || done < t->done) {
        snprintf(t->stage, sizeof t->stage, "%s", stage);
        t->began = now;
        t->told = now - PATIENCE;
    }
    t->done = done;
    if (!t->live && difftime(now, t->told) < PATIENCE) return;
    t->told = now;
    if (done > 0.02 && difftime(now, t->began) >= 1)
        time_left(left, sizeof left, difftime(now, t->began) * (1 - done)/done);
    if (done > 0) snprintf(share, sizeof share, "%4.0f %%", 100*done);
    n = snprintf(line, sizeof line, "%s%s%s%s", stage, share, rest, left);
    if (n >= COLUMNS) n = COLUMNS;
    if (t->live) fprintf(stderr, "\r%s%*s", line, (int)t->shown > n ? (int)t->shown - n : 0, "");
    else fprintf(stderr, "%s\n", line);
    t->shown = t->live ? (size_t)n : 0;
    fflush(stderr);
}

void terminal_line(terminal *t, const char *format, ...)
{
    va_list ap;
    if (t->quiet) return;
    terminal_clear(t);
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fputc('\n', stderr);
    fflush(stderr);
}
