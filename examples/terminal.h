/* terminal.h - what the tool tells the person who waits, and Ctrl-C.  Part of the examples. */
#ifndef TERMINAL_H
#define TERMINAL_H

#include <stddef.h>
#include <time.h>

typedef struct terminal {
    int    quiet;                   /* only warnings                                         */
    int    live;                    /* standard error is a terminal: one line is rewritten   */
    size_t shown;                   /* characters of it that stand there                     */
    char   stage[48];
    double done;
    time_t began, told;             /* the stage; the last line where there is no terminal   */
} terminal;

/* Also catches SIGINT and SIGTERM: the first asks to stop, the second kills as usual. */
void terminal_start(terminal *t, int quiet);

/* Was a stop asked for? */
int terminal_stopped(void);

/* Progress: STAGE, share done in [0, 1], what more there is to say.  A terminal sees one line
 * with the time that the stage still needs; a file a whole line for each new stage, and again
 * after ten seconds. */
void terminal_progress(terminal *t, const char *stage, double done, const char *rest);

/* A whole line for good, in place of the rewritten one; nothing if quiet. */
void terminal_line(terminal *t, const char *format, ...);

/* Take the rewritten line away, before something else is printed. */
void terminal_clear(terminal *t);

#endif
