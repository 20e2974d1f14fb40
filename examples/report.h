/* report.h - a posterior as one self-contained HTML page.  Part of the examples. */
#ifndef REPORT_H
#define REPORT_H

#include "../snl.h"
#include "io.h"

typedef struct report {
    const char *title, *summary, *config, *command;     /* plain text                       */
    const char *corner;                 /* the SVG file that is put in                       */
    size_t      dims;
    const char *const *names;
    const double (*quantile)[5];        /* [dims] 2.5, 5, 50, 95, 97.5 %                     */
    const double *truth;                /* [dims], NaN: not known                            */
    const char   *other;                /* label of a second posterior, or NULL ...          */
    const double *other_width;          /* ... and the widths of its 90 % intervals [dims]   */
    double efficiency, pareto, ess;     /* efficiency < 0: there are no weights              */
    size_t rounds;                      /* 0: none                                           */
    const snl_round *round;             /* [rounds]                                          */
    const double (*cost)[3];            /* [dims] compression, network, both; or NULL        */
} report;

int report_write(const char *path, const report *r, io_error *e);

#endif
