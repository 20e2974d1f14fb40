/* io.h - files of the command-line tool: tables, event configurations, .npy series.
 *
 * Part of the examples, not of the library.  Functions return 0, or an exit status:
 * IO_FAILED when the system did not oblige, IO_REFUSED when what was asked or read is
 * wrong.  Then e->text says what, as "FILE:LINE: WHAT IS WRONG", without a newline.
 * Files are written whole or not at all: as NAME.partN, new, N = 0 .. 15, renamed when complete;
 * through a symbolic link its target is.  Devices and pipes are written to as they are.
 */
#ifndef IO_H
#define IO_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { IO_OK = 0, IO_FAILED = 1, IO_REFUSED = 2 };

typedef struct io_error { char text[640]; } io_error;

/* Write the message and return status. */
int io_fail(io_error *e, int status, const char *format, ...);

/* ---- files -------------------------------------------------------------- */

/* All bytes of a file, followed by a 0; "-" is standard input.  free() the result. */
int file_read(const char *path, char **bytes, size_t *size, io_error *e);

/* Open for writing; NULL or "-" is standard output.  Closing with keep = 0 leaves
 * nothing behind.  out->file is an ordinary stream, its errors are met at closing; part NULL:
 * what the path names is no file. */
typedef struct out_file { FILE *file; char *path, *part; } out_file;
int out_open(out_file *out, const char *path, io_error *e);
int out_close(out_file *out, int keep, io_error *e);

/* Make a directory, and those above it, unless they exist. */
int dir_make(const char *path, io_error *e);

/* dir/name; or, beside = 1, name in the directory that holds the file dir.  An
 * absolute name stays as it is.  free() the result; NULL: out of memory. */
char *path_join(const char *dir, const char *name, int beside);

/* ---- tables ------------------------------------------------------------- */

/* TAB (or space) separated cells; columns are found by name, others ignored.  # lines
 * are comments.  The names are the first other line, or, if that one holds numbers
 * only, the last comment before it. */
typedef struct table {
    char   *path;
    size_t  rows, cols;
    char  **name;       /* [cols]                      */
    char  **cell;       /* [rows][cols], as written    */
    size_t *line;       /* [rows], for messages        */
    char   *bytes;
} table;

int  table_read(table *t, const char *path, io_error *e);
void table_free(table *t);                  /* a zeroed table is fine too */
int  table_find(const table *t, const char *name);      /* column, or -1  */

/* The named columns as numbers, out [rows][n]; NaN and infinities only if loose. */
int table_numbers(const table *t, size_t n, const char *const *names, int loose,
                  double *out, io_error *e);

/* One header line, "# a<TAB>b" (comment = 1) or "a<TAB>b", then value [rows][cols] with
 * `digits` significant digits: 12 for samples, 17 for results. */
void table_header(FILE *f, int comment, size_t cols, const char *const *names);
void table_rows(FILE *f, int digits, size_t rows, size_t cols, const double *value);
int  table_write(const char *path, int comment, int digits, size_t rows, size_t cols,
                 const char *const *names, const double *value, io_error *e);

/* ---- time series -------------------------------------------------------- */

/* numpy's .npy: little-endian float64, C order, shape (rows, columns); NaN refused.
 * free(*value). */
int npy_read(const char *path, size_t columns, size_t *rows, double **value, io_error *e);
int npy_write(const char *path, size_t rows, size_t columns, const double *value, io_error *e);

/* ---- event configurations ----------------------------------------------- */

enum event_param {
    P_CHIRP_MASS, P_MASS_RATIO, P_CHI1, P_CHI2, P_T_REF, P_DISTANCE, P_COS_INCLINATION,
    P_PHI_REF, P_LAMBDA, P_SIN_BETA, P_PSI, EVENT_PARAMS
};
enum { EVENT_SOURCES = 4, EVENT_TEXT = 512 };

/* What is known of a parameter wherever it appears. */
typedef struct event_param_info {
    const char *name, *unit;
    double      lo, hi;                     /* legal values, bounds included        */
    const char *prior, *inject;             /* of the template                      */
} event_param_info;
extern const event_param_info event_params[EVENT_PARAMS];

enum prior_kind { PRIOR_UNIFORM, PRIOR_LOGUNIFORM, PRIOR_NORMAL, PRIOR_FIXED };
extern const char *const prior_kind_name[4];

typedef struct event_prior {
    int    param, kind;                     /* event_param, prior_kind              */
    double a, b;                            /* lo hi; mean sd; or the fixed value   */
    int    line;
} event_prior;

/* Choices are numbers in the order in which the key's table in io.c lists the words. */
typedef struct event_config {
    char   path[EVENT_TEXT];                /* this file, for messages and data     */
    char   data[EVENT_TEXT];
    int    channels;                        /* AE, AET, XYZ                         */
    int    tdi;                             /* 1.5, 2.0                             */
    int    response;                        /* full, longwave                       */
    int    waveform;                        /* PhenomD, PhenomHM                    */
    double dt, t_start, duration;           /* {s}                                  */
    int    phases;                          /* refer to: zero, start                */
    double f_min, f_max;                    /* {Hz}                                 */
    int    window;                          /* none, tukey, planck                  */
    double taper;                           /* share of the series                  */
    int    noise_model;                     /* SciRDv1, MRDv1, Sangria              */
    char   noise_table[EVENT_TEXT];         /* "": the model                        */
    int    foreground;                      /* none, ldc, robson, babak             */
    double years;                           /* of observation, for the foreground   */
    double seed;                            /* of simulated noise; an integer       */
    int    compression;                     /* pca, score, both, learned            */
    double points;                          /* of expansion, for the score; an integer */
    size_t      priors;                     /* lines given, in their order          */
    event_prior prior[EVENT_PARAMS];
    size_t sources;                         /* injected                             */
    double inject[EVENT_SOURCES][EVENT_PARAMS];
    double inject_snr[EVENT_SOURCES];       /* 0: the distance counts, not the SNR  */
} event_config;

/* From a file, or from text (name is for the messages). */
int event_read(event_config *c, const char *path, io_error *e);
int event_parse(event_config *c, const char *name, const char *text, io_error *e);

/* A commented configuration with every key, its range and its default; it parses. */
void event_template(FILE *f);

/* The word a choice was written as, e.g. event_word("tdi", c->tdi, word); NULL: no such. */
enum { EVENT_WORD = 64 };
const char *event_word(const char *key, int choice, char word[EVENT_WORD]);

/* The other way round, for command-line options.  Refusals list the words. */
int event_choice(const char *key, const char *word, int *choice, io_error *e);

#endif
