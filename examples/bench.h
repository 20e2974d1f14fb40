/* bench.h - the figures of "make bench".  Part of the examples. */
#ifndef BENCH_H
#define BENCH_H

#include <stdio.h>
#include "../snl.h"

/* Write a table of name, value, unit, one row per figure: CPU time on one core, as the
 * library was compiled.  NAME_relative is the same in units of one sin + exp + log of a
 * plain loop, measured in the same run.  Half a minute.  0, or IO_FAILED of io.h: then a
 * comment in the table says what could not be measured. */
int bench_run(FILE *out, const snl_qnm *qnm);

#endif
