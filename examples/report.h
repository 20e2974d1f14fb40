/* report.h - a posterior as one self-contained HTML page.  Part of the examples. */
#ifndef REPORT_H
#define REPORT_H

#include "../snl.h"
#include "io.h"

/* Rows of numbers that grow: what was met on the way. */
typedef struct report_rows { size_t rows, room;  double *v; } report_rows;

enum {
    REPORT_EPOCH = 5,                       /* round, stage, epoch, loss of training and of  */
                                            /* validation rows                               */
    REPORT_ROUND = 2 + 3*SNL_NPAR           /* round, temperature, 5, 50, 95 % of each       */
};

typedef struct report {
    const char *how;                        /* the command: run, infer, mcmc, calibrate      */
    const char *source;                     /* the configuration's path                      */
    const char *config, *command;           /* its text, the command line                    */
    const char *summary, *settings;         /* lines NAME TAB VALUE                          */
    const char *corner;                     /* the SVG file that is put in                   */
    const char *const *names;               /* [SNL_NPAR], the order of all that follows     */
    const double (*quantile)[5];            /* 2.5, 5, 50, 95, 97.5 %                        */
    const double *truth;                    /* NaN: not known                                */
    size_t n, columns;                      /* samples v [n][columns] of weight [n], the     */
    const double *v, *weight;               /* parameters first                              */
    size_t best;                            /* the most likely of them                       */
    const char   *other;                    /* label of a second posterior, or NULL ...      */
    const double *other_width;              /* ... and the widths of its 90 % intervals      */
    const snl_data     *data;
    const snl_lisa_cfg *lisa;
    double efficiency, pareto;              /* efficiency < 0: there are no weights          */
    double ess, accept;                     /* of the chain; accept NaN: not known           */
    double calls, seconds;                  /* of the simulator; wall time                   */
    const char *stopped;                    /* why the rounds ended; NULL: no rounds         */
    const char *prior;                      /* the configuration whose prior it is, in place */
                                            /* of that which was trained; or NULL            */
    size_t rounds;                          /* 0: none                                       */
    const snl_round *round;                 /* [rounds]                                      */
    const double (*cost)[3];                /* compression, network, both {nats}; or NULL    */
    report_rows training, history;          /* of REPORT_EPOCH and REPORT_ROUND columns      */
    int flow;                               /* the last stage of a round trained a flow      */
    size_t trials;                          /* of the calibration, 0: there was none         */
    const double *rank;                     /* [trials][SNL_NPAR] in (0, 1)                  */
} report;

/* Panels without numbers are left out. */
int report_write(const char *path, const report *r, io_error *e);

#endif
