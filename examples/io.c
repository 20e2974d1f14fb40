/* io.c - see io.h. */
#if !defined(_WIN32)
#define _POSIX_C_SOURCE 200112L     /* mkdir, readlink, O_EXCL */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>
#include <stdio.h>
ssize_t readlink(const char *path, char *to, size_t size);     /* not declared where C99 alone was */
FILE *fdopen(int fd, const char *mode);                         /* asked for before this file       */
#define io_mkdir(path) mkdir((path), 0777)
#define io_create(path) open((path), O_WRONLY | O_CREAT | O_EXCL, 0666)
#define io_stream fdopen
#define io_process getpid
#define io_rename(from, to) rename((from), (to))
#else
#define WIN32_LEAN_AND_MEAN
#include <direct.h>
#include <fcntl.h>
#include <io.h>
#include <process.h>
#include <sys/stat.h>
#include <windows.h>
#define io_mkdir(path) _mkdir(path)
#define io_create(path) _open((path), _O_WRONLY | _O_CREAT | _O_EXCL | _O_BINARY, _S_IREAD | _S_IWRITE)
#define io_stream _fdopen
#define io_process _getpid
/* rename does not replace there; to remove first would lose both to a kill in between */
#define io_rename(from, to) (!MoveFileExA((from), (to), MOVEFILE_REPLACE_EXISTING))
#endif

#include "io.h"
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define TWO_PI 6.283185307179586476925

int io_fail(io_error *e, int status, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vsnprintf(e->text, sizeof e->text, format, ap);
    va_end(ap);
    return status;
}

/* Standard input or output as it is: Windows would make \r\n of each \n. */
static FILE *io_bare(FILE *f)
{
#if defined(_WIN32)
    _setmode(_fileno(f), _O_BINARY);
#endif
    return f;
}

static int io_memory(io_error *e) { return io_fail(e, IO_FAILED, "out of memory"); }

/* ==== files ============================================================== */

int file_read(const char *path, char **bytes, size_t *size, io_error *e)
{
    const int in = strcmp(path, "-") == 0;
    FILE *f = in ? io_bare(stdin) : fopen(path, "rb");
    size_t room = 1 << 16, n = 0, got;
    char *b = NULL, *more;
    int status = IO_OK;
    *bytes = NULL;
    if (!f) return io_fail(e, IO_REFUSED, "%s: %s", path, strerror(errno));
    do {
        room *= 2;
        if (!(more = realloc(b, room))) { status = io_memory(e);  goto done; }
        b = more;
        got = fread(b + n, 1, room - n - 1, f);
        n += got;
    } while (n == room - 1);
    if (ferror(f)) { status = io_fail(e, IO_FAILED, "%s: %s", path, strerror(errno));  goto done; }
    b[n] = '\0';
    *bytes = b;
    *size = n;
    b = NULL;
done:
    free(b);
    if (!in) fclose(f);
    return status;
}

/* A text, without the byte-order mark that some editors set before it. */
static int text_read(const char *path, char **text, io_error *e)
{
    size_t size;
    const int status = file_read(path, text, &size, e);
    if (status != IO_OK) return status;
    if (strlen(*text) != size) {
        free(*text);
        *text = NULL;
        return io_fail(e, IO_REFUSED, "%s: not a text file", path);
    }
    if (!strncmp(*text, "\xef\xbb\xbf", 3)) memmove(*text, *text + 3, size - 2);
    return IO_OK;
}

/* A new file NAME.partN, of no other writer; *part its name, to be freed.  Where kills have left
 * all of them, one has to go: so there are never more. */
static FILE *part_open(char **part, const char *path)
{
    enum { PARTS = 16 };
    unsigned k;
    int fd = -1;
    if (!(*part = malloc(strlen(path) + 8))) return NULL;
    for (k = 0; k <= PARTS && fd < 0 && (k == 0 || errno == EEXIST); k++) {
        sprintf(*part, "%s.part%u", path, ((unsigned)io_process() + k) % PARTS);
        if (k == PARTS) remove(*part);
        fd = io_create(*part);
    }
    return fd < 0 ? NULL : io_stream(fd, "wb");
}

/* The path behind symbolic links, to be freed; *special: it is no file that can be replaced, but
 * a device, say, and the path is as it was. */
static char *out_target(const char *path, int *special)
{
    char *p = path_join("", path, 0);
    *special = 0;
#if !defined(_WIN32)
    {
        char to[4096], *next;
        struct stat is;
        ssize_t n;
        *special = stat(path, &is) == 0 ? !S_ISREG(is.st_mode) : errno == ELOOP;
        while (p && !*special && (n = readlink(p, to, sizeof to - 1)) > 0) {
            to[n] = '\0';
            next = path_join(p, to, 1);
            free(p);
            p = next;
        }
    }
#endif
    return p;
}

int out_open(out_file *out, const char *path, io_error *e)
{
    int special;
    memset(out, 0, sizeof *out);
    if (!path || strcmp(path, "-") == 0) { out->file = io_bare(stdout);  return IO_OK; }
    if (!(out->path = out_target(path, &special))) return io_memory(e);
    out->file = special ? fopen(out->path, "wb") : part_open(&out->part, out->path);
    if (out->file) return IO_OK;
    io_fail(e, IO_FAILED, "%s: %s", path, strerror(errno));
    free(out->path);
    free(out->part);
    return IO_FAILED;
}

int out_close(out_file *out, int keep, io_error *e)
{
    int status = IO_OK, bad;
    if (out->file == stdout) {
        if ((fflush(stdout) || ferror(stdout)) && keep)
            status = io_fail(e, IO_FAILED, "standard output: %s", strerror(errno));
        return status;
    }
    if (out->file) {
        bad = ferror(out->file);
        bad = fclose(out->file) || bad;
        if (keep && !bad && out->part) bad = io_rename(out->part, out->path);
        if (keep && bad) status = io_fail(e, IO_FAILED, "%s: %s", out->path, strerror(errno));
        if ((!keep || bad) && out->part) remove(out->part);
    }
    free(out->path);
    free(out->part);
    memset(out, 0, sizeof *out);
    return status;
}

int dir_make(const char *path, io_error *e)
{
    const size_t n = strlen(path);
    char *p = malloc(n + 3), *part = NULL;
    int status = IO_OK;
    size_t i;
    FILE *probe;
    if (!p) return io_memory(e);
    for (i = 1; i <= n; i++)
        if (path[i] == '/' || path[i] == '\0') {
            memcpy(p, path, i);
            p[i] = '\0';
            if (io_mkdir(p) != 0 && errno != EEXIST && path[i] == '\0') {
                status = io_fail(e, IO_FAILED, "%s: %s", path, strerror(errno));
                goto done;
            }
        }
    sprintf(p, "%s/x", path);               /* refuse now what could not be written later */
    if ((probe = part_open(&part, p)) != NULL) { fclose(probe);  remove(part); }
    else status = io_fail(e, IO_FAILED, "%s: not a directory that can be written to", path);
done:
    free(part);
    free(p);
    return status;
}

char *path_join(const char *dir, const char *name, int beside)
{
    const char *slash = beside ? strrchr(dir, '/') : dir + strlen(dir);
    const size_t n = name[0] == '/' || !slash ? 0 : (size_t)(slash - dir);
    char *p = malloc(n + strlen(name) + 2);
    if (!p) return NULL;
    memcpy(p, dir, n);
    sprintf(p + n, "%s%s", n ? "/" : slash == dir && beside && name[0] != '/' ? "/" : "", name);
    return p;
}

/* ==== tables ============================================================= */

/* Text up to a white space, TAB or the end: TABs separate where a line has any, so
 * that a cell may hold spaces. */
static char *cell_next(char **s, int tabs)
{
    char *b = *s, *p;
    if (!tabs) while (*b == ' ') b++;
    if (!*b) return NULL;
    for (p = b; *p && *p != (tabs ? '\t' : ' '); p++) ;
    *s = *p ? p + 1 : p;
    if (*p == '\t' && !p[1]) *s = p + 1;
    *p = '\0';
    while (*b == ' ') b++;
    for (p = b + strlen(b); p > b && p[-1] == ' '; ) *--p = '\0';
    return b;
}

static int is_number(const char *s)
{
    char *end;
    if (!*s) return 0;
    strtod(s, &end);
    return *end == '\0';
}

static int all_numbers(const char *s)
{
    for (;;) {
        char *end;
        s += strspn(s, " \t");
        if (!*s) return 1;
        strtod(s, &end);
        if (end == s || !strchr(" \t", *end)) return 0;
        s = end;
    }
}

static int table_set_names(table *t, char *s, io_error *e, size_t line)
{
    const int tabs = strchr(s, '\t') != NULL;
    size_t room = 2, i, j;
    char *p;
    for (p = s; *p; p++) room += *p == '\t' || *p == ' ';
    if (!(t->name = malloc(room * sizeof *t->name))) return io_memory(e);
    while ((p = cell_next(&s, tabs))) t->name[t->cols++] = p;
    for (i = 0; i < t->cols; i++)
        for (j = 0; j < i; j++)
            if (!strcmp(t->name[i], t->name[j]))
                return io_fail(e, IO_REFUSED, "%s:%lu: two columns are called %s", t->path,
                               (unsigned long)line, t->name[i]);
    return IO_OK;
}

static int table_add_row(table *t, char *s, size_t line, size_t *room, io_error *e)
{
    const int tabs = strchr(s, '\t') != NULL;
    size_t n = 0;
    char *p, **cell;
    if (t->rows == *room) {
        size_t more = *room ? 2 * *room : 256, *lines;
        if (!(cell = realloc(t->cell, more * t->cols * sizeof *cell))) return io_memory(e);
        t->cell = cell;
        if (!(lines = realloc(t->line, more * sizeof *lines))) return io_memory(e);
        t->line = lines;
        *room = more;
    }
    for (; (p = cell_next(&s, tabs)); n++)
        if (n < t->cols) t->cell[t->rows*t->cols + n] = p;
    if (n != t->cols)
        return io_fail(e, IO_REFUSED, "%s:%lu: %lu cells, but %lu column names", t->path,
                       (unsigned long)line, (unsigned long)n, (unsigned long)t->cols);
    t->line[t->rows++] = line;
    return IO_OK;
}

int table_read(table *t, const char *path, io_error *e)
{
    char *s, *end, *comment = NULL;
    size_t line = 0, room = 0, comment_line = 0;
    int status;
    memset(t, 0, sizeof *t);
    if ((status = text_read(path, &t->bytes, e)) != IO_OK) return status;
    if (!(t->path = malloc(strlen(path) + 1))) { status = io_memory(e);  goto fail; }
    strcpy(t->path, path);
    for (s = t->bytes; *s; s = end) {
        char *p = s + strcspn(s, "\n");
        end = *p ? p + 1 : p;
        *p = '\0';
        if (p > s && p[-1] == '\r') p[-1] = '\0';
        line++;
        if (s[strspn(s, " \t")] == '\0') continue;
        if (*s == '#') {
            if (!t->name) { comment = s;  comment_line = line; }
            continue;
        }
        if (!t->name) {
            const int bare = all_numbers(s);
            if (bare && !comment) {
                status = io_fail(e, IO_REFUSED, "%s:%lu: numbers, but no column names above them",
                                 path, (unsigned long)line);
                goto fail;
            }
            status = bare ? table_set_names(t, comment + 1 + strspn(comment + 1, "# "), e, comment_line)
                          : table_set_names(t, s, e, line);
            if (status != IO_OK) goto fail;
            if (!bare) continue;
        }
        if ((status = table_add_row(t, s, line, &room, e)) != IO_OK) goto fail;
    }
    if (!t->name && comment
        && (status = table_set_names(t, comment + 1 + strspn(comment + 1, "# "), e, comment_line)) != IO_OK)
        goto fail;
    if (!t->name) { status = io_fail(e, IO_REFUSED, "%s: empty, no column names", path);  goto fail; }
    return IO_OK;
fail:
    table_free(t);
    return status;
}

void table_free(table *t)
{
    free(t->path);
    free(t->name);
    free(t->cell);
    free(t->line);
    free(t->bytes);
    memset(t, 0, sizeof *t);
}

int table_find(const table *t, const char *name)
{
    size_t i;
    for (i = 0; i < t->cols; i++) if (!strcmp(t->name[i], name)) return (int)i;
    return -1;
}

int table_numbers(const table *t, size_t n, const char *const *names, int loose,
                  double *out, io_error *e)
{
    size_t i, r;
    for (i = 0; i < n; i++) {
        const int c = table_find(t, names[i]);
        if (c < 0) return io_fail(e, IO_REFUSED, "%s: no column is called %s", t->path, names[i]);
        for (r = 0; r < t->rows; r++) {
            const char *s = t->cell[r*t->cols + (size_t)c];
            const double x = out[r*n + i] = strtod(s, NULL);
            if (!is_number(s) || (!loose && !(fabs(x) <= HUGE_VAL && x - x == 0)))
                return io_fail(e, IO_REFUSED, "%s:%lu: %s: \"%s\" is not a%s number", t->path,
                               (unsigned long)t->line[r], names[i], s,
                               is_number(s) ? " finite" : "");
        }
    }
    return IO_OK;
}

void table_header(FILE *f, int comment, size_t cols, const char *const *names)
{
    size_t i;
    for (i = 0; i < cols; i++) fprintf(f, "%s%s", i ? "\t" : comment ? "# " : "", names[i]);
    fputc('\n', f);
}

void table_rows(FILE *f, int digits, size_t rows, size_t cols, const double *value)
{
    size_t i;
    for (i = 0; i < rows*cols; i++)
        fprintf(f, "%.*g%c", digits, value[i], (i + 1) % cols ? '\t' : '\n');
}

int table_write(const char *path, int comment, int digits, size_t rows, size_t cols,
                const char *const *names, const double *value, io_error *e)
{
    out_file out;
    const int status = out_open(&out, path, e);
    if (status != IO_OK) return status;
    table_header(out.file, comment, cols, names);
    table_rows(out.file, digits, rows, cols, value);
    return out_close(&out, 1, e);
}

/* ==== time series ======================================================== */

/* The bytes of a little-endian word, whatever the machine's order. */
static double double_from_le(const unsigned char *b)
{
    uint64_t u = 0;
    double x;
    int i;
    for (i = 8; i-- > 0; ) u = u << 8 | b[i];
    memcpy(&x, &u, 8);
    return x;
}

static void double_to_le(double x, unsigned char *b)
{
    uint64_t u;
    int i;
    memcpy(&u, &x, 8);
    for (i = 0; i < 8; i++) b[i] = (unsigned char)(u >> 8*i);
}

/* What stands after 'key': in the header's dictionary. */
static const char *npy_value(const char *header, const char *key)
{
    const char *s = strstr(header, key);
    if (!s) return "";
    s += strlen(key);
    return s + strspn(s, " :'\"");
}

int npy_read(const char *path, size_t columns, size_t *rows, double **value, io_error *e)
{
    unsigned char *b = NULL;
    char header[1024], *bytes = NULL;
    const char *s;
    char *end = header;
    size_t size, start, len, i;
    unsigned long n;
    double *x = NULL;
    int status = file_read(path, &bytes, &size, e);
    *value = NULL;
    if (status != IO_OK) return status;
    b = (unsigned char *)bytes;
    status = IO_REFUSED;
    if (size < 12 || memcmp(b, "\223NUMPY", 6) != 0) {
        io_fail(e, 0, "%s: not an .npy file", path);
        goto done;
    }
    start = b[6] == 1 ? 10 : 12;
    len = b[8] | (size_t)b[9] << 8 | (b[6] == 1 ? 0 : (size_t)b[10] << 16 | (size_t)b[11] << 24);
    if (b[6] < 1 || b[6] > 3 || len >= sizeof header || start + len > size) {
        io_fail(e, 0, "%s: an .npy header of version %d that makes no sense", path, b[6]);
        goto done;
    }
    memcpy(header, b + start, len);
    header[len] = '\0';
    start += len;
    s = npy_value(header, "descr");
    if (strncmp(s, "<f8", 3) != 0) {
        io_fail(e, 0, "%s: the numbers are '%.*s', not '<f8' (little-endian float64)", path,
                (int)strcspn(s, "'\","), s);
        goto done;
    }
    if (strncmp(npy_value(header, "fortran_order"), "False", 5) != 0) {
        io_fail(e, 0, "%s: in Fortran order, not C order", path);
        goto done;
    }
    s = npy_value(header, "shape");
    n = *s == '(' ? strtoul(s + 1, &end, 10) : 0;
    if (*s != '(' || end == s + 1 || *end != ',' || strtoul(end + 1, &end, 10) != columns
        || end[strspn(end, ", ")] != ')') {
        io_fail(e, 0, "%s: the shape is %.*s, not (N, %lu)", path, (int)strcspn(s, ")") + 1, s,
                (unsigned long)columns);
        goto done;
    }
    if (n > (size - start)/(8*columns) || size - start != 8*columns*(size_t)n) {
        io_fail(e, 0, "%s: the header announces %lu rows, the file holds %.10g", path, n,
                (double)(size - start)/(8*(double)columns));
        goto done;
    }
    if (n < 2) { io_fail(e, 0, "%s: holds %lu rows, at least 2 are needed", path, n);  goto done; }
    if (!(x = malloc(columns*(size_t)n * sizeof *x))) { status = io_memory(e);  goto done; }
    for (i = 0; i < columns*(size_t)n; i++) {
        x[i] = double_from_le(b + start + 8*i);
        if (x[i] - x[i] != 0) {
            io_fail(e, 0, "%s: row %lu, column %lu (counted from 0) is not a finite number", path,
                    (unsigned long)(i/columns), (unsigned long)(i % columns));
            goto done;
        }
    }
    *rows = n;
    *value = x;
    x = NULL;
    status = IO_OK;
done:
    free(x);
    free(bytes);
    return status;
}

int npy_write(const char *path, size_t rows, size_t columns, const double *value, io_error *e)
{
    out_file out;
    char header[129];
    unsigned char b[8];
    size_t i;
    const int status = out_open(&out, path, e);
    if (status != IO_OK) return status;
    memset(header, ' ', 128);
    memcpy(header, "\223NUMPY\001\000\166\000", 10);            /* 118 bytes follow */
    i = (size_t)sprintf(header + 10, "{'descr': '<f8', 'fortran_order': False, 'shape': (%lu, %lu), }",
                        (unsigned long)rows, (unsigned long)columns);
    header[10 + i] = ' ';
    header[127] = '\n';
    fwrite(header, 1, 128, out.file);
    for (i = 0; i < rows*columns; i++) {
        double_to_le(value[i], b);
        fwrite(b, 1, 8, out.file);
    }
    return out_close(&out, 1, e);
}

/* ==== event configurations =============================================== */

const char *const prior_kind_name[4] = { "uniform", "loguniform", "normal", "fixed" };

const event_param_info event_params[EVENT_PARAMS] = {
    { "chirp_mass", "Msun, detector frame",   1, 1e10,       "uniform 624000 936000", "780000" },
    { "mass_ratio", "m1/m2",                  1, 1000,       "uniform 1 10",          "1.5" },
    { "chi1", "spin of m1 along the orbit",  -1, 1,          "uniform -0.99 0.99",    "0.6" },
    { "chi2", "spin of m2 along the orbit",  -1, 1,          "uniform -0.99 0.99",    "0.3" },
    { "t_ref", "s, SSB, at the peak of f^2 A", -1e12, 1e12,  "uniform 2391400 2392600", "2392000" },
    { "distance", "Mpc, luminosity",      1e-3, 1e9,         "uniform 1000 200000",   "60000" },
    { "cos_inclination", "",                 -1, 1,          "uniform -1 1",          "0.5" },
    { "phi_ref", "rad, argument of Y_lm",    -TWO_PI, TWO_PI, "uniform 0 3.14159265358979312", "1" },
    { "lambda", "rad, ecliptic longitude",   -TWO_PI, TWO_PI, "uniform 0 6.28318530717958623", "2" },
    { "sin_beta", "ecliptic latitude",       -1, 1,          "uniform -1 1",          "0.3" },
    { "psi", "rad, polarisation",            -TWO_PI, TWO_PI, "uniform 0 3.14159265358979312", "1.2" }
};

/* Every key: a new one is a field in event_config and a line here. */
enum key_type { KEY_TEXT, KEY_CHOICE, KEY_REAL, KEY_INTEGER };

typedef struct event_key {
    const char *name;
    enum key_type type;
    size_t      field;
    double      lo, hi;             /* bounds included                              */
    const char *words;              /* of a choice, by | ; empty for the others     */
    const char *standard, *help;
} event_key;

#define FIELD(x) offsetof(event_config, x)
static const event_key event_keys[] = {
    { "data", KEY_TEXT, FIELD(data), 0, 0, "", "data.npy",
      "float64 .npy, t [s, SSB] and a column for each channel; path from this file" },
    { "channels", KEY_CHOICE, FIELD(channels), 0, 0, "AE|AET|XYZ", "AE",
      "fractional frequency; A = (Z-X)/sqrt2, E = (X-2Y+Z)/sqrt6; T is not used" },
    { "tdi", KEY_CHOICE, FIELD(tdi), 0, 0, "1.5|2.0", "1.5", "generation of TDI" },
    { "response", KEY_CHOICE, FIELD(response), 0, 0, "full|longwave", "full", "of the detector" },
    { "waveform", KEY_CHOICE, FIELD(waveform), 0, 0, "PhenomD|PhenomHM", "PhenomD", "model" },
    { "model", KEY_CHOICE, FIELD(waveform), 0, 0, "PhenomD|PhenomHM", NULL, "" },
    { "dt", KEY_REAL, FIELD(dt), 1e-6, 1e6, "", "5", "s, sampling interval" },
    { "t_start", KEY_REAL, FIELD(t_start), -1e12, 1e12, "", "0", "s, SSB, first sample" },
    { "phases", KEY_CHOICE, FIELD(phases), 0, 0, "zero|start", "zero",
      "start: t is the time, as in a cut of longer data; zero: row 0 stands for t = 0" },
    { "duration", KEY_REAL, FIELD(duration), 1, 1e10, "", "2621440",
      "s, of a simulated series" },
    { "f_min", KEY_REAL, FIELD(f_min), 1e-7, 10, "", "1e-4", "Hz, first of the band" },
    { "f_max", KEY_REAL, FIELD(f_max), 1e-7, 10, "", "0.03", "Hz, last of the band" },
    { "window", KEY_CHOICE, FIELD(window), 0, 0, "none|tukey|planck", "none",
      "none: the segment is periodic" },
    { "taper", KEY_REAL, FIELD(taper), 0, 1, "", "0.01",
      "share of the series that the window tapers" },
    { "noise_model", KEY_CHOICE, FIELD(noise_model), 0, 0, "SciRDv1|MRDv1|Sangria", "SciRDv1",
      "instrument noise; or noise_table = FILE" },
    { "noise_table", KEY_TEXT, FIELD(noise_table), 0, 0, "", NULL,
      "table of columns f [Hz], S [1/Hz], the PSD of A and E in place of the model" },
    { "foreground", KEY_CHOICE, FIELD(foreground), 0, 0, "none|ldc|robson|babak", "none",
      "galactic binaries" },
    { "years", KEY_REAL, FIELD(years), 0.1, 10, "", "4",
      "of observation, sets the foreground" },
    { "seed", KEY_INTEGER, FIELD(seed), 0, 9007199254740992.0, "", "1", "of simulated noise" },
    { "compression", KEY_CHOICE, FIELD(compression), 0, 0, "pca|score|both|learned", "pca",
      "of the signals for the network" },
    { "points", KEY_INTEGER, FIELD(points), 1, 64, "", "1", "about which the score is taken" }
};
enum { EVENT_KEYS = sizeof event_keys / sizeof event_keys[0] };

/* Position of word among "a|b|c", or -1; "2" is as good as "2.0". */
static int word_index(const char *words, const char *word)
{
    int i;
    for (i = 0; ; i++) {
        char w[64];
        const size_t n = strcspn(words, "|");
        memcpy(w, words, n);
        w[n] = '\0';
        if (!strcmp(w, word)
            || (is_number(w) && is_number(word) && strtod(w, NULL) == strtod(word, NULL)))
            return i;
        if (!words[n]) return -1;
        words += n + 1;
    }
}

static const event_key *key_find(const char *name)
{
    size_t i;
    for (i = 0; i < EVENT_KEYS; i++) if (!strcmp(event_keys[i].name, name)) return &event_keys[i];
    return NULL;
}

const char *event_word(const char *key, int choice, char word[EVENT_WORD])
{
    const event_key *k = key_find(key);
    const char *w = k ? k->words : "";
    if (choice < 0 || !*w) return NULL;
    for (; choice > 0; choice--) {
        w += strcspn(w, "|");
        if (!*w++) return NULL;
    }
    sprintf(word, "%.*s", (int)strcspn(w, "|"), w);
    return word;
}

int event_choice(const char *key, const char *word, int *choice, io_error *e)
{
    const event_key *k = key_find(key);
    const int i = k ? word_index(k->words, word) : -1;
    if (i < 0)
        return io_fail(e, IO_REFUSED, "%s: \"%s\" is none of %s", key, word, k ? k->words : "");
    *choice = i;
    return IO_OK;
}

/* Names of the LISA Data Challenges for our parameters; `into' takes their number to ours.
 * Where it is not the identity, a prior in theirs would be another density than in ours. */
static double as_it_is(double x) { return x; }
static const struct {
    const char *name;
    int    param;
    double (*into)(double);
    double lo, hi;
    const char *help;
} event_alias[] = {
    { "Mass1", P_CHIRP_MASS, NULL, 1, 1e10,                 /* these two first and together:  */
      "chirp_mass and mass_ratio, from both; Mass1 >= Mass2" },         /* see masses_join    */
    { "Mass2", P_MASS_RATIO, NULL, 1, 1e10, "(detector frame)" },
    { "Spin1", P_CHI1, as_it_is, -1, 1, "chi1: along the orbit, theirs times cos PolarAngleOfSpin1" },
    { "Spin2", P_CHI2, as_it_is, -1, 1, "chi2: theirs times cos PolarAngleOfSpin2" },
    { "CoalescenceTime", P_T_REF, as_it_is, -1e12, 1e12, "t_ref, but see below" },
    { "Distance", P_DISTANCE, as_it_is, 1e-3, 1e9, "distance" },
    { "Inclination", P_COS_INCLINATION, cos, 0, TWO_PI/2, "cos_inclination is its cosine" },
    { "PhaseAtCoalescence", P_PHI_REF, as_it_is, -TWO_PI, TWO_PI, "phi_ref, but see below" },
    { "EclipticLongitude", P_LAMBDA, as_it_is, -TWO_PI, TWO_PI, "lambda" },
    { "EclipticLatitude", P_SIN_BETA, sin, -TWO_PI/4, TWO_PI/4, "sin_beta is its sine" },
    { "Polarization", P_PSI, as_it_is, -TWO_PI, TWO_PI, "psi" }
};
enum { EVENT_ALIASES = sizeof event_alias / sizeof event_alias[0] };

static int alias_find(const char *name)
{
    int i;
    for (i = 0; i < EVENT_ALIASES; i++) if (!strcmp(event_alias[i].name, name)) return i;
    return -1;
}

/* Where we are in a configuration, for the messages. */
typedef struct event_place { const char *file;  int line;  const char *key; } event_place;

static int number_in(const event_place *at, const char *s, double lo, double hi, double *out,
                     io_error *e)
{
    const double x = strtod(s, NULL);
    if (!is_number(s))
        return io_fail(e, IO_REFUSED, "%s:%d: %s: \"%s\" is not a number", at->file, at->line,
                       at->key, s);
    if (!(x >= lo && x <= hi))
        return io_fail(e, IO_REFUSED, "%s:%d: %s: %s is outside [%.9g, %.9g]", at->file, at->line,
                       at->key, s, lo, hi);
    *out = x;
    return IO_OK;
}

static int key_set(event_config *c, const event_key *k, const char *s, const event_place *at,
                   io_error *e)
{
    void *field = (char *)c + k->field;
    io_error why;
    int status;
    switch (k->type) {
    case KEY_TEXT:
        if (!*s || strlen(s) >= EVENT_TEXT)
            return io_fail(e, IO_REFUSED, "%s:%d: %s: needs 1 to %d characters", at->file, at->line,
                           k->name, EVENT_TEXT - 1);
        strcpy(field, s);
        return IO_OK;
    case KEY_CHOICE:
        if (event_choice(k->name, s, field, &why) == IO_OK) return IO_OK;
        return io_fail(e, IO_REFUSED, "%s:%d: %s", at->file, at->line, why.text);
    case KEY_INTEGER:
    case KEY_REAL:
        status = number_in(at, s, k->lo, k->hi, field, e);
        if (status == IO_OK && k->type == KEY_INTEGER && floor(*(double *)field) != *(double *)field)
            return io_fail(e, IO_REFUSED, "%s:%d: %s: %s is not an integer", at->file, at->line,
                           k->name, s);
        return status;
    }
    return IO_OK;
}

static int param_find(const char *name)
{
    const int alias = alias_find(name);
    int i;
    for (i = 0; i < EVENT_PARAMS; i++) if (!strcmp(event_params[i].name, name)) return i;
    return alias < 0 ? -1 : event_alias[alias].param;
}

/* Mass1 and Mass2 stand in the places of chirp mass and mass ratio until both are known. */
static int masses_join(double *inject, const int *line, const event_place *at, io_error *e)
{
    const double m1 = inject[P_CHIRP_MASS], m2 = inject[P_MASS_RATIO];
    if (!(m1 >= m2 && m1 <= event_params[P_MASS_RATIO].hi * m2))
        return io_fail(e, IO_REFUSED, "%s:%d: Mass2: Mass1/Mass2 = %.9g is outside [1, %g]", at->file,
                       line[P_MASS_RATIO], m1/m2, event_params[P_MASS_RATIO].hi);
    inject[P_CHIRP_MASS] = pow(m1*m2, 0.6) / pow(m1 + m2, 0.2);
    inject[P_MASS_RATIO] = m1/m2;
    return IO_OK;
}

static int prior_set(event_config *c, int param, char *s, const event_place *at, io_error *e)
{
    const event_param_info *info = &event_params[param];
    event_prior p = { 0, 0, 0, 0, 0 };
    char *word[4] = { NULL, NULL, NULL, NULL };
    int n = 0, kind, status;
    size_t i;
    for (s += strspn(s, " \t"); *s && n < 4; s += strspn(s, " \t")) {
        word[n++] = s;
        s += strcspn(s, " \t");
        if (*s) *s++ = '\0';
    }
    kind = n ? word_index("uniform|loguniform|normal|fixed", word[0]) : -1;
    if (kind < 0 || n != (kind == PRIOR_FIXED ? 2 : 3))
        return io_fail(e, IO_REFUSED, "%s:%d: %s: must be uniform LO HI, loguniform LO HI or "
                       "normal MEAN SD", at->file, at->line, at->key);
    for (i = 0; i < c->priors; i++)
        if (c->prior[i].param == param)
            return io_fail(e, IO_REFUSED, "%s:%d: %s: given before, on line %d", at->file, at->line,
                           at->key, c->prior[i].line);
    p.param = param;
    p.kind = kind;
    p.line = at->line;
    if ((status = number_in(at, word[1], info->lo, info->hi, &p.a, e)) != IO_OK) return status;
    if (kind == PRIOR_NORMAL) {
        if ((status = number_in(at, word[2], 0, HUGE_VAL, &p.b, e)) != IO_OK) return status;
        if (!(p.b > 0 && p.b < HUGE_VAL))
            return io_fail(e, IO_REFUSED, "%s:%d: %s: the standard deviation %s is not %s", at->file,
                           at->line, at->key, word[2], p.b > 0 ? "finite" : "above 0");
    } else if (kind != PRIOR_FIXED) {
        if ((status = number_in(at, word[2], info->lo, info->hi, &p.b, e)) != IO_OK) return status;
        if (!(p.a < p.b))
            return io_fail(e, IO_REFUSED, "%s:%d: %s: the lower bound %s is not below the upper, %s",
                           at->file, at->line, at->key, word[1], word[2]);
        if (kind == PRIOR_LOGUNIFORM && !(p.a > 0))
            return io_fail(e, IO_REFUSED, "%s:%d: %s: a loguniform prior needs bounds above 0, not %s",
                           at->file, at->line, at->key, word[1]);
    }
    c->prior[c->priors++] = p;
    return IO_OK;
}

/* inject.NAME, inject2.NAME ...: source number, or -1. */
static int inject_source(const char *key, const char **name)
{
    if (strncmp(key, "inject", 6) != 0) return -1;
    key += 6;
    *name = *key == '.' ? key + 1 : *key ? key + 2 : key;
    if (*key == '.') return 0;
    return *key >= '1' && *key < '1' + EVENT_SOURCES && key[1] == '.' ? *key - '1' : -1;
}

int event_parse(event_config *c, const char *file, const char *text, io_error *e)
{
    char *copy = malloc(strlen(text) + 1), *s, *end;
    int set[EVENT_KEYS] = { 0 }, injected[EVENT_SOURCES][EVENT_PARAMS + 1] = { { 0 } };
    int masses[EVENT_SOURCES] = { 0 };              /* bits: Mass1, Mass2 */
    event_place at = { file, 0, "" };
    int status = IO_OK;
    size_t i, j;
    memset(c, 0, sizeof *c);
    if (!copy) return io_memory(e);
    strncat(c->path, file, EVENT_TEXT - 1);
    strcpy(copy, text);
    for (i = 0; i < EVENT_KEYS; i++)
        if (event_keys[i].standard) key_set(c, &event_keys[i], event_keys[i].standard, &at, e);
    for (s = copy; *s && status == IO_OK; s = end) {
        char *key, *value, *p;
        const char *name = NULL;
        int source, param, alias;
        const event_key *k;
        p = s + strcspn(s, "\n");
        end = *p ? p + 1 : p;
        *p = '\0';
        s[strcspn(s, "#\r")] = '\0';
        at.line++;
        key = s + strspn(s, " \t");
        if (!*key) continue;
        if (!(value = strchr(key, '='))) {
            status = io_fail(e, IO_REFUSED, "%s:%d: neither `key = value' nor a # comment", file, at.line);
            break;
        }
        for (p = value; p > key && (p[-1] == ' ' || p[-1] == '\t'); p--) ;
        *value++ = *p = '\0';
        value += strspn(value, " \t");
        for (p = value + strlen(value); p > value && (p[-1] == ' ' || p[-1] == '\t'); ) *--p = '\0';
        at.key = key;
        k = key_find(key);
        source = inject_source(key, &name);
        if (source < 0) name = strncmp(key, "prior.", 6) ? NULL : key + 6;
        param = name ? param_find(name) : -1;
        alias = name ? alias_find(name) : -1;
        if (k) {
            for (i = 0; i < EVENT_KEYS; i++)
                if (event_keys[i].field == k->field && set[i])
                    status = io_fail(e, IO_REFUSED, "%s:%d: %s: given before, on line %d", file,
                                     at.line, key, set[i]);
            set[k - event_keys] = at.line;
            if (status == IO_OK) status = key_set(c, k, value, &at, e);
        } else if (source >= 0 && (param >= 0 || !strcmp(name, "snr"))) {
            int *seen = &injected[source][param < 0 ? EVENT_PARAMS : param];
            if (*seen)
                status = io_fail(e, IO_REFUSED, "%s:%d: %s: given before, on line %d", file, at.line,
                                 key, *seen);
            else if (param < 0) status = number_in(&at, value, 1e-6, 1e9, &c->inject_snr[source], e);
            else if (alias < 0)
                status = number_in(&at, value, event_params[param].lo, event_params[param].hi,
                                   &c->inject[source][param], e);
            else {
                double *x = &c->inject[source][param];
                status = number_in(&at, value, event_alias[alias].lo, event_alias[alias].hi, x, e);
                if (event_alias[alias].into) *x = event_alias[alias].into(*x);
                else masses[source] |= 1 << alias;
            }
            *seen = at.line;
        } else if (param >= 0 && alias >= 0 && event_alias[alias].into != as_it_is)
            status = io_fail(e, IO_REFUSED, "%s:%d: %s: a prior must be in %s", file, at.line, key,
                             alias < 2 ? "chirp_mass and mass_ratio" : event_params[param].name);
        else if (param >= 0)
            status = prior_set(c, param, value, &at, e);
        else
            status = io_fail(e, IO_REFUSED, "%s:%d: unknown key %s", file, at.line, key);
    }
    free(copy);
    if (status != IO_OK) return status;

    /* what no single line can show */
    for (i = 0; i < EVENT_KEYS; i++) {
        const char *name = event_keys[i].name;
        if (!strcmp(name, "f_max") && !(c->f_min < c->f_max))
            return io_fail(e, IO_REFUSED, "%s:%d: f_max: %.9g is not above f_min, %.9g", file, set[i],
                           c->f_max, c->f_min);
        if (!strcmp(name, "f_max") && !(c->f_max <= 0.5/c->dt))
            return io_fail(e, IO_REFUSED, "%s:%d: f_max: %.9g is above the Nyquist frequency %.9g",
                           file, set[i], c->f_max, 0.5/c->dt);
        if (!strcmp(name, "duration") && !(c->duration >= 16*c->dt && c->duration <= 67108864*c->dt))
            return io_fail(e, IO_REFUSED, "%s:%d: duration: %.9g is outside 16 to 2^26 sampling intervals",
                           file, set[i], c->duration);
    }
    for (i = 0; i < EVENT_SOURCES; i++) {
        int any = 0;
        for (j = 0; j <= EVENT_PARAMS; j++) any |= injected[i][j];
        if (!any) continue;
        if (c->sources != i)
            return io_fail(e, IO_REFUSED, "%s: inject%lu: the source before it is missing", file,
                           (unsigned long)i + 1);
        for (j = 0; j < EVENT_PARAMS; j++)
            if (!injected[i][j] && !(j == P_DISTANCE && c->inject_snr[i] > 0))
                return io_fail(e, IO_REFUSED, "%s: inject.%s of source %lu is missing", file,
                               event_params[j].name, (unsigned long)i + 1);
        if (masses[i] == 3) status = masses_join(c->inject[i], injected[i], &at, e);
        else if (masses[i])
            status = io_fail(e, IO_REFUSED, "%s:%d: Mass1 and Mass2 belong together", file,
                             injected[i][masses[i] == 1 ? P_CHIRP_MASS : P_MASS_RATIO]);
        if (status != IO_OK) return status;
        if (injected[i][P_DISTANCE] && c->inject_snr[i] > 0)
            return io_fail(e, IO_REFUSED, "%s:%d: inject.snr: the distance is given too, on line %d", file,
                           injected[i][EVENT_PARAMS], injected[i][P_DISTANCE]);
        if (!injected[i][P_DISTANCE]) c->inject[i][P_DISTANCE] = 1000;   /* to be scaled */
        c->sources++;
    }
    if (c->priors)
        for (j = 0; j < EVENT_PARAMS; j++) {
            for (i = 0; i < c->priors && c->prior[i].param != (int)j; i++) ;
            if (i == c->priors)
                return io_fail(e, IO_REFUSED, "%s: prior.%s is missing", file, event_params[j].name);
        }
    return IO_OK;
}

int event_read(event_config *c, const char *path, io_error *e)
{
    char *text;
    int status = text_read(path, &text, e);
    if (status != IO_OK) return status;
    if (strlen(path) >= EVENT_TEXT) status = io_fail(e, IO_REFUSED, "%s: path too long", path);
    else status = event_parse(c, path, text, e);
    free(text);
    return status;
}

void event_template(FILE *f)
{
    size_t i;
    char line[128];
    fprintf(f, "# An event: what was measured, how it is modelled, what is sought.\n");
    for (i = 0; i < EVENT_KEYS; i++) {
        const event_key *k = &event_keys[i];
        if (!k->standard) continue;
        snprintf(line, sizeof line, "%s = %s", k->name, k->standard);
        fprintf(f, "%-24s # %s", line, k->help);
        if (k->type == KEY_CHOICE && strchr(k->words, '|')) fprintf(f, "; one of %s", k->words);
        if (k->type == KEY_REAL || k->type == KEY_INTEGER) fprintf(f, "; %g to %g", k->lo, k->hi);
        fputc('\n', f);
    }
    fprintf(f, "\n# Priors: uniform LO HI, loguniform LO HI or normal MEAN SD.\n"
               "# Their order is the order of the columns of the posterior.\n");
    for (i = 0; i < EVENT_PARAMS; i++) {
        const event_param_info *p = &event_params[i];
        snprintf(line, sizeof line, "prior.%s = %s", p->name, p->prior);
        fprintf(f, "%-46s # %s%s%.9g to %.9g\n", line, p->unit, *p->unit ? "; " : "", p->lo, p->hi);
    }
    fprintf(f, "\n# A source to inject, for `snl simulate'; inject2.chirp_mass and so on are more.\n"
               "# inject.snr in place of inject.distance sets the signal-to-noise ratio in A and E.\n");
    for (i = 0; i < EVENT_PARAMS; i++)
        fprintf(f, "inject.%s = %s\n", event_params[i].name, event_params[i].inject);
    fprintf(f, "\n# Names of the LISA Data Challenges are known too, all in inject, and those that are\n"
               "# the same number as ours also in prior:\n");
    for (i = 0; i < EVENT_ALIASES; i++)
        fprintf(f, "#   %-20s %s\n", event_alias[i].name, event_alias[i].help);
    fprintf(f, "# Signs of X, Y, Z and of the polarisation, frame and epoch are the challenges' own.  t_ref\n"
               "# is when the peak frequency of (2,2) passes; their PhenomD, aligned as LAL's, passes it up\n"
               "# to 74 (m1 + m2) G/c^3 off CoalescenceTime: leave priors room, and phi_ref with them.\n");
}
