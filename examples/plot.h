/* plot.h - corner plots of sample tables as one SVG file.  Part of the examples. */
#ifndef PLOT_H
#define PLOT_H

#include "io.h"

enum { PLOT_SETS = 4, PLOT_DIMS = 16 };

typedef struct plot_samples {
    const char   *label;            /* for the legend                                */
    size_t        rows;             /* at least 10                                   */
    const double *value;            /* [rows][dims]                                  */
    const double *weight;           /* [rows], >= 0; NULL: equal                     */
} plot_samples;

/* Marginals of one (on the diagonal) and of two parameters (contours around the densest
 * 50 % and 90 %) of 1 .. PLOT_SETS sample sets over each other.  Known names
 * (chirp_mass, chi1 ...) are set as symbols with units.  truth [dims] is drawn as
 * lines: NULL none, NaN not for this parameter.  Titles give the median and the
 * interval from the 5 % to the 95 % quantile, two digits of the error. */
int plot_corner(const char *path, size_t sets, const plot_samples *set, size_t dims,
                const char *const *names, const double *truth, io_error *e);

#endif
