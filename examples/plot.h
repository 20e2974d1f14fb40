/* plot.h - corner plots of sample tables as one SVG file, and charts for a page that holds
 * SVG.  Part of the examples. */
#ifndef PLOT_H
#define PLOT_H

#include "io.h"

enum { PLOT_SETS = 4, PLOT_DIMS = 16, PLOT_BINS = 256 };

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

/* The symbol of a known parameter, _ before its subscript, and its unit; NULL: not known. */
const char *plot_symbol_of(const char *name, const char **unit);

/* Grids v [ny][nx], rows upwards, with a ring of zeros around nx - 2, ny - 2 <= PLOT_BINS
 * cells: smooth by a Gaussian {cells} with reflecting ends; the value above which the share
 * `mass` lies (scratch [n]); all closed curves around v > level as the data of a path in
 * 0 .. w, 0 .. h. */
void plot_blur(size_t nx, size_t ny, double sigma, double *v);
double plot_level(size_t n, const double *v, double mass, double *scratch);
void plot_contour(FILE *f, size_t nx, size_t ny, const double *v, double level, double w, double h);

/* A chart: a frame in a picture, and what its axes span (log: of the logarithm to base 10).
 * Colours and sizes of text are left to the page's style: classes frame, grid, and those
 * that the caller names.  Lines are cut at the frame.  NaN interrupts a line. */
typedef struct chart {
    FILE  *f;
    double x, y, w, h, lo[2], hi[2];
    int    log[2];
} chart;
void   chart_frame(const chart *c, const char *xname, const char *yname);   /* HTML text */
double chart_x(const chart *c, double v);
double chart_y(const chart *c, double v);
void   chart_line(const chart *c, size_t n, const double *x, const double *y, const char *kind);
void   chart_band(const chart *c, size_t n, const double *x, const double *lo, const double *hi,
                  const char *kind);

#endif
