/* tool.h - what the files of the command-line tool share. */
#ifndef TOOL_H
#define TOOL_H

#include "../snl.h"
#include "io.h"

enum { TOOL_FILES = 4, TRIALS = 200 };

typedef struct options {
    const char *command, *cases, *frequencies, *out, *prior, *with;
    const char *file[TOOL_FILES];       /* what stands without a -- in front */
    int    files;
    unsigned long seed, threads;        /* threads 0: one for each processor */
    unsigned long points, calls;        /* of expansion, 0: not given; at most, 0: no limit */
    unsigned long trials;               /* of the calibration */
    int    quiet, resume, seed_given, model_given, plain, weighted, compression;    /* compression -1: not given */
    double minutes;                     /* at most */
    int    model, tdi, response, noise, foreground;
    double years, false_alarm;
    snl_qnm *qnm;
} options;

/* One line for what the library refused, WHERE in front. */
int refuse(io_error *e, const char *where, snl_status s, const snl_fault *why);

/* Commands of event.c */
int cmd_simulate(options *o, io_error *e);
int cmd_infer(options *o, io_error *e);
int cmd_detect(options *o, io_error *e);
int cmd_mcmc(options *o, io_error *e);
int cmd_calibrate(options *o, io_error *e);
int cmd_run(options *o, io_error *e);

#endif
