/* The tool's files: what is accepted, and that refusals name file, line and reason.
 * Scratch files live in build/. */
#include "../examples/io.c"
#include "../examples/plot.c"
#include "../examples/report.c"
#include "../snl.h"
#include "greatest.h"
#include "near.h"

#define SCRATCH "build/test_io.tmp"

static io_error why;

static int put(const char *text, size_t size)
{
    FILE *f;
    if (dir_make("build", &why) != IO_OK || !(f = fopen(SCRATCH, "wb"))) return 0;
    fwrite(text, 1, size, f);
    return fclose(f) == 0;
}
static int put_text(const char *text) { return put(text, strlen(text)); }

/* ---- tables -------------------------------------------------------------- */

TEST table_gives(const char *text, double a0, double b1)
{
    static const char *const want[2] = { "b", "a" };
    double v[4];
    table t;
    int status;
    ASSERT(put_text(text));
    ASSERT_EQ_FMT(IO_OK, table_read(&t, SCRATCH, &why), "%d");
    ASSERT_EQ(2, t.rows);
    status = table_numbers(&t, 2, want, 0, v, &why);
    table_free(&t);
    ASSERT_EQ_FMT(IO_OK, status, "%d");
    ASSERT_EQ(a0, v[1]);
    ASSERT_EQ(b1, v[2]);
    PASS();
}

TEST reads_every_form_of_table(void)
{
    CHECK_CALL(table_gives("a\tb\n1\t2\n3\t4\n", 1, 4));
    CHECK_CALL(table_gives("# x y\n# a\tb\n1\t2\n3\t4\n", 1, 4));
    CHECK_CALL(table_gives("# about\n#\nname\ta\tb\n# between\nx 1\t1\t2\n\ny 2\t3\t4", 1, 4));
    CHECK_CALL(table_gives("a b  c\n 1   2 3 \n3 4 5\n", 1, 4));
    CHECK_CALL(table_gives("# a b\r\n1e0 2\r\n3 4\r\n", 1, 4));
    CHECK_CALL(table_gives("\xef\xbb\xbf" "a\tb\n1\t2\n3\t4\n", 1, 4));      /* a byte-order mark */
    PASS();
}

TEST keeps_text_cells(void)
{
    table t;
    ASSERT(put_text("case\tm\nR 01\t1\n\t2\n"));
    ASSERT_EQ(IO_OK, table_read(&t, SCRATCH, &why));
    ASSERT_STR_EQ("R 01", t.cell[0]);
    ASSERT_STR_EQ("", t.cell[2]);
    ASSERT_STR_EQ("2", t.cell[3]);
    ASSERT_EQ(-1, table_find(&t, "mm"));
    table_free(&t);
    table_free(&t);
    PASS();
}

TEST table_refused(const char *text, const char *message)
{
    static const char *const want[1] = { "a" };
    double v[8];
    table t;
    int status;
    ASSERT(put_text(text));
    status = table_read(&t, SCRATCH, &why);
    if (status == IO_OK) {
        status = table_numbers(&t, 1, want, 0, v, &why);
        table_free(&t);
    }
    ASSERT_EQ_FMT(IO_REFUSED, status, "%d");
    ASSERT_STR_EQ(message, why.text);
    PASS();
}

TEST refuses_bad_tables_by_line(void)
{
    table t;
    CHECK_CALL(table_refused("", SCRATCH ": empty, no column names"));
    CHECK_CALL(table_refused("1 2\n", SCRATCH ":1: numbers, but no column names above them"));
    CHECK_CALL(table_refused("a b\n1 2\n1\n", SCRATCH ":3: 1 cells, but 2 column names"));
    CHECK_CALL(table_refused("a b a\n1 2 3\n", SCRATCH ":1: two columns are called a"));
    CHECK_CALL(table_refused("b c\n1 2\n", SCRATCH ": no column is called a"));
    CHECK_CALL(table_refused("a b\n1 2\n1x 2\n", SCRATCH ":3: a: \"1x\" is not a number"));
    CHECK_CALL(table_refused("a b\n# c\nnan 2\n", SCRATCH ":3: a: \"nan\" is not a finite number"));
    CHECK_CALL(table_refused("a b\n-inf 2\n", SCRATCH ":2: a: \"-inf\" is not a finite number"));
    ASSERT_EQ(IO_REFUSED, table_read(&t, "build/no such file", &why));
    ASSERT(strncmp(why.text, "build/no such file: ", 20) == 0);
    PASS();
}

TEST tables_come_back_as_written(void)
{
    static const char *const name[3] = { "x", "y", "z" };
    const double v[6] = { 1.0/3, -1e-300, 4800083.15696, 6.02214076e23, 0, 2.0/3 };
    double w[6];
    table t;
    ASSERT_EQ(IO_OK, dir_make("build", &why));
    ASSERT_EQ(IO_OK, table_write(SCRATCH, 1, 17, 2, 3, name, v, &why));
    ASSERT_EQ(IO_OK, table_read(&t, SCRATCH, &why));
    ASSERT_EQ(IO_OK, table_numbers(&t, 3, name, 0, w, &why));
    table_free(&t);
    ASSERT_MEM_EQ(v, w, sizeof v);
    PASS();
}

TEST a_file_is_written_whole_or_not_at_all(void)
{
    out_file out;
    char *text, part[64];
    size_t size;
    ASSERT(put_text("before"));
    ASSERT_EQ(IO_OK, out_open(&out, SCRATCH, &why));
    strcpy(part, out.part);
    fputs("half", out.file);
    ASSERT_EQ(IO_OK, out_close(&out, 0, &why));
    ASSERT_EQ(IO_OK, file_read(SCRATCH, &text, &size, &why));
    ASSERT_STR_EQ("before", text);
    free(text);
    ASSERT_EQ(IO_REFUSED, file_read(part, &text, &size, &why));
    ASSERT_EQ(IO_FAILED, out_open(&out, "build/no/such/dir/x", &why));
    ASSERT_EQ(IO_FAILED, dir_make(SCRATCH "/below/a/file", &why));
    PASS();
}

/* Two writers at once, the second ends last: the file is its own; and so with what kills have
 * left of all names and a file of the user's beside them, which stays. */
TEST of_two_writers_the_last_wins_whole(void)
{
    static const char *const mine[] = { "mine" };
    static char first[40000], second[30000];
    out_file a, b;
    char *text, name[64];
    size_t size;
    int k, full;
    memset(first, 'a', sizeof first - 1);
    memset(second, 'b', sizeof second - 1);
    ASSERT_EQ(IO_OK, dir_make("build", &why));
    ASSERT_EQ(IO_OK, table_write(SCRATCH ".part", 0, 1, 0, 1, mine, NULL, &why));
    for (full = 0; full < 2; full++) {
        for (k = 0; full && k < 16; k++) {
            FILE *f;
            sprintf(name, SCRATCH ".part%d", k);
            ASSERT((f = fopen(name, "wb")) && fclose(f) == 0);
        }
        ASSERT_EQ(IO_OK, out_open(&a, SCRATCH, &why));
        fputs(first, a.file);
        if (!full) {
            ASSERT_EQ(IO_OK, out_open(&b, SCRATCH, &why));
            fputs(second, b.file);
        }
        ASSERT_EQ(IO_OK, out_close(&a, 1, &why));
        if (!full) ASSERT_EQ(IO_OK, out_close(&b, 1, &why));
        ASSERT_EQ(IO_OK, file_read(SCRATCH, &text, &size, &why));
        ASSERT_STR_EQ(full ? first : second, text);
        free(text);
    }
    for (k = size = 0; k < 16; k++) {
        sprintf(name, SCRATCH ".part%d", k);
        size += remove(name) == 0;
    }
    ASSERT_EQ(15, size);
    ASSERT_EQ(IO_OK, file_read(SCRATCH ".part", &text, &size, &why));
    ASSERT_STR_EQ("mine\n", text);
    free(text);
    remove(SCRATCH ".part");
    PASS();
}

TEST paths_are_joined(void)
{
    static const struct { const char *dir, *name; int beside; const char *want; } c[] = {
        { "out", "x", 0, "out/x" }, { "a/b.cfg", "x", 1, "a/x" }, { "b.cfg", "x", 1, "x" },
        { "/b.cfg", "x", 1, "/x" }, { "a/b.cfg", "/x", 1, "/x" }, { "a", "/x", 0, "/x" } };
    size_t i;
    for (i = 0; i < sizeof c / sizeof c[0]; i++) {
        char *p = path_join(c[i].dir, c[i].name, c[i].beside);
        ASSERT_STR_EQ(c[i].want, p);
        free(p);
    }
    PASS();
}

/* ---- .npy ---------------------------------------------------------------- */

/* A file with this dictionary and `numbers` doubles of value 1.5 (little-endian). */
static size_t npy_bytes(unsigned char *b, int version, const char *dict, size_t numbers)
{
    static const unsigned char one[8] = { 0, 0, 0, 0, 0, 0, 0xf8, 0x3f };
    const size_t n = strlen(dict), start = version == 1 ? 10 : 12;
    size_t i;
    memcpy(b, "\223NUMPY\0\0\0\0\0\0", 12);
    b[6] = (unsigned char)version;
    b[8] = (unsigned char)n;
    memcpy(b + start, dict, n);
    for (i = 0; i < numbers; i++) memcpy(b + start + n + 8*i, one, 8);
    return start + n + 8*numbers;
}

TEST npy_refused(const unsigned char *b, size_t size, const char *message)
{
    double *v;
    size_t rows;
    ASSERT(put((const char *)b, size));
    ASSERT_EQ_FMT(IO_REFUSED, npy_read(SCRATCH, 3, &rows, &v, &why), "%d");
    ASSERT_STR_EQ(message, why.text);
    PASS();
}

TEST reads_and_refuses_npy(void)
{
    static const char good[] = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }\n";
    static const char other[] = "{\"shape\":(2,3),\"descr\":\"<f8\",\"fortran_order\":False}\n";
    unsigned char b[512] = { 0 };
    double *v;
    size_t rows, n;
    int version;
    for (version = 1; version <= 2; version++) {
        ASSERT(put((char *)b, npy_bytes(b, version, version == 1 ? good : other, 6)));
        ASSERT_EQ_FMT(IO_OK, npy_read(SCRATCH, 3, &rows, &v, &why), "%d");
        ASSERT_EQ(2, rows);
        ASSERT_EQ(1.5, v[0]);
        ASSERT_EQ(1.5, v[5]);
        free(v);
    }
    CHECK_CALL(npy_refused((const unsigned char *)"hello", 5, SCRATCH ": not an .npy file"));
    n = npy_bytes(b, 1, good, 6);
    CHECK_CALL(npy_refused(b, n - 8, SCRATCH ": the header announces 2 rows, the file holds 1.666666667"));
    CHECK_CALL(npy_refused(b, n + 8, SCRATCH ": the header announces 2 rows, the file holds 2.333333333"));
    CHECK_CALL(npy_refused(b, 20, SCRATCH ": an .npy header of version 1 that makes no sense"));
    memset(b + n - 8, 255, 8);
    CHECK_CALL(npy_refused(b, n, SCRATCH ": row 1, column 2 (counted from 0) is not a finite number"));
    n = npy_bytes(b, 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 3), }", 3);
    CHECK_CALL(npy_refused(b, n, SCRATCH ": holds 1 rows, at least 2 are needed"));
    n = npy_bytes(b, 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (0, 3), }", 0);
    CHECK_CALL(npy_refused(b, n, SCRATCH ": holds 0 rows, at least 2 are needed"));
    n = npy_bytes(b, 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 6);
    CHECK_CALL(npy_refused(b, n, SCRATCH ": the numbers are '<f4', not '<f8' (little-endian float64)"));
    n = npy_bytes(b, 1, "{'descr': '<f8', 'fortran_order': True, 'shape': (2, 3), }", 6);
    CHECK_CALL(npy_refused(b, n, SCRATCH ": in Fortran order, not C order"));
    n = npy_bytes(b, 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }", 6);
    CHECK_CALL(npy_refused(b, n, SCRATCH ": the shape is (3, 2), not (N, 3)"));
    n = npy_bytes(b, 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (6,), }", 6);
    CHECK_CALL(npy_refused(b, n, SCRATCH ": the shape is (6,), not (N, 3)"));
    PASS();
}

TEST npy_comes_back_as_written(void)
{
    const double v[9] = { 0, 1e-20, -2e-21, 5, 1.0/3, -1e-300, 10, 0, 4 };
    double *w;
    size_t rows;
    ASSERT_EQ(IO_OK, dir_make("build", &why));
    ASSERT_EQ(IO_OK, npy_write(SCRATCH, 3, 3, v, &why));
    ASSERT_EQ_FMT(IO_OK, npy_read(SCRATCH, 3, &rows, &w, &why), "%d");
    ASSERT_EQ(3, rows);
    ASSERT_MEM_EQ(v, w, sizeof v);
    free(w);
    ASSERT_EQ(IO_OK, npy_write(SCRATCH, 2, 4, v, &why));
    ASSERT_EQ_FMT(IO_OK, npy_read(SCRATCH, 4, &rows, &w, &why), "%d");
    ASSERT_EQ(2, rows);
    ASSERT_MEM_EQ(v, w, 8*sizeof *v);
    free(w);
    PASS();
}

/* ---- configurations ------------------------------------------------------ */

TEST reads_a_configuration(void)
{
    char word[EVENT_WORD];
    event_config c;
    ASSERT_EQ(IO_OK, event_parse(&c, "dir/e.cfg",
        "# comment\n data = d.npy  # trailing\ntdi=2\r\n\nwaveform =PhenomHM\ndt = 10\nf_max = 0.04\n"
        "inject.chirp_mass = 1e6\ninject.mass_ratio = 2\ninject.chi1 = 0.1\ninject.chi2 = -0.1\n"
        "inject.t_ref = 1e6\ninject.cos_inclination = 0.5\ninject.phi_ref = 1\ninject.lambda = 2\n"
        "inject.sin_beta = 0.5\ninject.psi = 0.1\ninject.snr = 500", &why));
    ASSERT_STR_EQ("d.npy", c.data);
    ASSERT_STR_EQ("2.0", event_word("tdi", c.tdi, word));
    ASSERT_STR_EQ("PhenomHM", event_word("waveform", c.waveform, word));
    ASSERT_STR_EQ("SciRDv1", event_word("noise_model", c.noise_model, word));
    ASSERT_EQ(10.0, c.dt);
    ASSERT_REL(0.04, c.f_max, 0);
    ASSERT_REL(1e-4, c.f_min, 0);
    ASSERT_EQ(1, c.sources);
    ASSERT_EQ(500.0, c.inject_snr[0]);
    ASSERT_REL(-0.1, c.inject[0][P_CHI2], 0);
    ASSERT_EQ(0, c.priors);
    ASSERT(put_text("\xef\xbb\xbf" "dt = 2\n"));         /* a byte-order mark */
    if (event_read(&c, SCRATCH, &why) != IO_OK) FAILm(why.text);
    ASSERT_EQ(2.0, c.dt);
    PASS();
}

/* The template must be a legal configuration, with the priors in their order. */
TEST the_template_parses_to_the_defaults(void)
{
    event_config c, d;
    FILE *f;
    size_t i;
    ASSERT_EQ(IO_OK, dir_make("build", &why));
    ASSERT(f = fopen(SCRATCH, "wb"));
    event_template(f);
    fclose(f);
    if (event_read(&c, SCRATCH, &why) != IO_OK) FAILm(why.text);
    ASSERT_EQ(IO_OK, event_parse(&d, "", "", &why));
    ASSERT_EQ(EVENT_PARAMS, c.priors);
    for (i = 0; i < EVENT_PARAMS; i++) ASSERT_EQ((int)i, c.prior[i].param);
    ASSERT_EQ(624000.0, c.prior[0].a);
    ASSERT_EQ(936000.0, c.prior[0].b);
    ASSERT_EQ(1, c.sources);
    ASSERT_EQ(d.dt, c.dt);
    ASSERT_EQ(d.f_max, c.f_max);
    ASSERT_STR_EQ(d.data, c.data);
    PASS();
}

TEST config_refused(const char *text, const char *message)
{
    event_config c;
    ASSERT_EQ_FMT(IO_REFUSED, event_parse(&c, "e.cfg", text, &why), "%d");
    ASSERT_STR_EQ(message, why.text);
    PASS();
}

TEST refuses_bad_configurations_by_line(void)
{
    CHECK_CALL(config_refused("\nprior.chi3 = uniform 0 1\n", "e.cfg:2: unknown key prior.chi3"));
    CHECK_CALL(config_refused("fmin = 1\n", "e.cfg:1: unknown key fmin"));
    CHECK_CALL(config_refused("inject.mass = 1\n", "e.cfg:1: unknown key inject.mass"));
    CHECK_CALL(config_refused("dt\n", "e.cfg:1: neither `key = value' nor a # comment"));
    CHECK_CALL(config_refused("dt = 5 s\n", "e.cfg:1: dt: \"5 s\" is not a number"));
    CHECK_CALL(config_refused("dt = 0\n", "e.cfg:1: dt: 0 is outside [1e-06, 1000000]"));
    CHECK_CALL(config_refused("dt = nan\n", "e.cfg:1: dt: nan is outside [1e-06, 1000000]"));
    CHECK_CALL(config_refused("dt =\n", "e.cfg:1: dt: \"\" is not a number"));
    CHECK_CALL(config_refused("dt = 5\n#\ndt = 6\n", "e.cfg:3: dt: given before, on line 1"));
    CHECK_CALL(config_refused("waveform = PhenomD\nmodel = PhenomD\n",
                              "e.cfg:2: model: given before, on line 1"));
    CHECK_CALL(config_refused("tdi = 3\n", "e.cfg:1: tdi: \"3\" is none of 1.5|2.0"));
    CHECK_CALL(config_refused("seed = 1.5\n", "e.cfg:1: seed: 1.5 is not an integer"));
    CHECK_CALL(config_refused("f_min = 0.02\nf_max = 0.01\n",
                              "e.cfg:2: f_max: 0.01 is not above f_min, 0.02"));
    CHECK_CALL(config_refused("dt = 50\nf_max = 0.03",
                              "e.cfg:2: f_max: 0.03 is above the Nyquist frequency 0.01"));
    CHECK_CALL(config_refused("prior.chi1 = uniform 0 1.2\n", "e.cfg:1: prior.chi1: 1.2 is outside [-1, 1]"));
    CHECK_CALL(config_refused("prior.chi1 = uniform 0.5 0.5\n",
                              "e.cfg:1: prior.chi1: the lower bound 0.5 is not below the upper, 0.5"));
    CHECK_CALL(config_refused("prior.chi1 = uniform 0.5\n",
                              "e.cfg:1: prior.chi1: must be uniform LO HI, loguniform LO HI or "
                              "normal MEAN SD"));
    CHECK_CALL(config_refused("prior.chi1 = normal 0 0\n",
                              "e.cfg:1: prior.chi1: the standard deviation 0 is not above 0"));
    CHECK_CALL(config_refused("prior.chi1 = normal 0 inf\n",
                              "e.cfg:1: prior.chi1: the standard deviation inf is not finite"));
    CHECK_CALL(config_refused("prior.chi1 = loguniform -0.5 0.5\n",
                              "e.cfg:1: prior.chi1: a loguniform prior needs bounds above 0, not -0.5"));
    CHECK_CALL(config_refused("prior.chi1 = fixed 0\nprior.chi1 = fixed 0\n",
                              "e.cfg:2: prior.chi1: given before, on line 1"));
    CHECK_CALL(config_refused("prior.chi1 = fixed 0\n", "e.cfg: prior.chirp_mass is missing"));
    CHECK_CALL(config_refused("inject.chi1 = 0\n", "e.cfg: inject.chirp_mass of source 1 is missing"));
    CHECK_CALL(config_refused("inject2.chi1 = 0\n", "e.cfg: inject2: the source before it is missing"));
    CHECK_CALL(config_refused("inject.chi1 = -2\n", "e.cfg:1: inject.chi1: -2 is outside [-1, 1]"));
    PASS();
}

/* ---- names of the LISA Data Challenges ------------------------------------ */

static const char ldc_text[] =
    "inject.Mass1 = 1323277\ninject.Mass2 = 612485\ninject.Spin1 = 0.27\ninject.Spin2 = -0.42\n"
    "inject.CoalescenceTime = 11526944\ninject.Distance = 13470\ninject.Inclination = 1.9\n"
    "inject.PhaseAtCoalescence = 1.22\ninject.EclipticLongitude = -1.29\n"
    "inject.EclipticLatitude = -0.303\ninject.Polarization = 2.7\n";

TEST knows_the_names_of_the_data_challenges(void)
{
    event_config c;
    snl_source s;
    if (event_parse(&c, "e.cfg", ldc_text, &why) != IO_OK) FAILm(why.text);
    ASSERT_EQ(1, c.sources);
    s = snl_source_from_theta(c.inject[0]);
    ASSERT_REL(1323277.0, s.m1, 1e-13);
    ASSERT_REL(612485.0, s.m2, 1e-13);
    ASSERT_REL(0.27, s.chi1, 0);
    ASSERT_REL(-0.42, s.chi2, 0);
    ASSERT_EQ(11526944.0, s.t_ref);
    ASSERT_EQ(13470.0, s.distance);
    ASSERT_NEAR(1.9, s.inclination, 1e-14);
    ASSERT_REL(1.22, s.phi_ref, 0);
    ASSERT_REL(-1.29, s.lambda, 0);
    ASSERT_NEAR(-0.303, s.beta, 1e-14);
    ASSERT_REL(2.7, s.psi, 0);
    ASSERT_EQ(IO_OK, event_parse(&c, "e.cfg", "prior.chirp_mass = uniform 1 2\nprior.mass_ratio = fixed 1\n"
        "prior.Spin1 = uniform 0 0.5\nprior.Spin2 = fixed 0\nprior.CoalescenceTime = uniform 1 2\n"
        "prior.Distance = loguniform 1 2\nprior.cos_inclination = fixed 0\n"
        "prior.PhaseAtCoalescence = fixed 0\nprior.EclipticLongitude = fixed 0\n"
        "prior.sin_beta = fixed 0\nprior.Polarization = uniform 1 2\n", &why));
    ASSERT_EQ(P_CHI1, c.prior[2].param);
    ASSERT_EQ(0.5, c.prior[2].b);
    ASSERT_EQ(P_PSI, c.prior[10].param);
    PASS();
}

/* X, Y, Z of a plane wave as the challenges' manual and code have them, in the convention
 * exp(+2 pi i f t): orbits to first order in the eccentricity, spacecraft n at phase
 * 2 pi (n - 1)/3; k = -(direction), v north, u west; a link is
 *     y_sr = [h(t - L/c - k.p_s/c) - h(t - k.p_r/c)] / 2(1 - k.n),   n from s to r,
 *     h = h+ [(u.n)^2 - (v.n)^2] + hx 2 (u.n)(v.n),
 *     X = (1 - D^2)(y_31 + D y_13 - y_21 - D y_12).  */
typedef struct pair { double re, im; } pair;
static pair times(pair a, pair b)
{ pair c;  c.re = a.re*b.re - a.im*b.im;  c.im = a.re*b.im + a.im*b.re;  return c; }
static pair turn(double phase) { pair c;  c.re = cos(phase);  c.im = sin(phase);  return c; }

static pair ldc_link(int s, int r, double p[3][3], const double *k, const double *u, const double *v,
                     pair plus, pair cross, double w)
{
    double n[3], kn = 0, un = 0, vn = 0, ks = 0, kr = 0, length = 0, a, b;
    pair from, to, d, h;
    int i;
    for (i = 0; i < 3; i++) { n[i] = p[r][i] - p[s][i];  length += n[i]*n[i]; }
    for (i = 0; i < 3; i++) {
        n[i] /= sqrt(length);
        kn += k[i]*n[i];  un += u[i]*n[i];  vn += v[i]*n[i];
        ks += k[i]*p[s][i];  kr += k[i]*p[r][i];
    }
    from = turn(w*(SNL_ARM/SNL_C + ks));
    to = turn(w*kr);
    d.re = (from.re - to.re)/(1 - kn);
    d.im = (from.im - to.im)/(1 - kn);
    a = 0.5*(un*un - vn*vn);
    b = un*vn;
    h.re = a*plus.re + b*cross.re;
    h.im = a*plus.im + b*cross.im;
    return times(d, h);
}

static void ldc_xyz(const snl_source *s, double f, double t, pair out[3])
{
    const double e = SNL_ARM/(2*sqrt(3)*SNL_AU), R = SNL_AU/SNL_C, w = 2*SNL_PI*f;
    const double a = 2*SNL_PI*t/SNL_YEAR, sa = sin(a), ca = cos(a), c2 = cos(2*s->psi), s2 = sin(2*s->psi);
    const double sl = sin(s->lambda), cl = cos(s->lambda), sb = sin(s->beta), cb = cos(s->beta);
    const double k[3] = { -cb*cl, -cb*sl, -sb }, v[3] = { -sb*cl, -sb*sl, cb }, u[3] = { sl, -cl, 0 };
    const pair D = turn(w*SNL_ARM/SNL_C);
    pair plus, cross, one = times(D, D);
    double p[3][3], y22[2], y2m2[2], hp[2], hx[2];
    int i;
    for (i = 0; i < 3; i++) {
        const double b = 2*SNL_PI*i/3, sin_b = sin(b), cos_b = cos(b);
        p[i][0] = R*(ca + e*(sa*ca*sin_b - (1 + sa*sa)*cos_b));
        p[i][1] = R*(sa + e*(sa*ca*cos_b - (1 + ca*ca)*sin_b));
        p[i][2] = -R*sqrt(3)*e*cos(a - b);
    }
    snl_ylm(2, 2, s->inclination, s->phi_ref, y22);
    snl_ylm(2, -2, s->inclination, s->phi_ref, y2m2);
    hp[0] = 0.5*(y22[0] + y2m2[0]);     hp[1] = 0.5*(y22[1] - y2m2[1]);
    hx[0] = -0.5*(y22[1] + y2m2[1]);    hx[1] = 0.5*(y22[0] - y2m2[0]);     /* i/2 (Y - conj Y) */
    plus.re = hp[0]*c2 - hx[0]*s2;      plus.im = hp[1]*c2 - hx[1]*s2;
    cross.re = hp[0]*s2 + hx[0]*c2;     cross.im = hp[1]*s2 + hx[1]*c2;
    one.re = 1 - one.re;
    one.im = -one.im;
    for (i = 0; i < 3; i++) {
        const int s1 = i, s2_ = (i + 1) % 3, s3 = (i + 2) % 3;
        const pair y31 = ldc_link(s3, s1, p, k, u, v, plus, cross, w);
        const pair y13 = times(D, ldc_link(s1, s3, p, k, u, v, plus, cross, w));
        const pair y21 = ldc_link(s2_, s1, p, k, u, v, plus, cross, w);
        const pair y12 = times(D, ldc_link(s1, s2_, p, k, u, v, plus, cross, w));
        pair sum;
        sum.re = y31.re + y13.re - y21.re - y12.re;
        sum.im = y31.im + y13.im - y21.im - y12.im;
        out[i] = times(one, sum);
    }
}

/* The same numbers under the challenges' names are the same signal, sign and all: to rounding,
 * 1e-14 of a phase of 40 rad, magnified by the difference of links, L w k.n > 1e-2 of it. */
TEST their_polarisation_frame_and_signs_are_ours(void)
{
    static const double f[3] = { 2e-4, 3e-3, 1.1e-2 }, t[3] = { 1e5, 1.2e7, 2.5e7 };
    event_config c;
    snl_source s;
    snl_qnm *q = NULL;
    snl_lisa_cfg cfg;
    double aet[18], xyz[18], phase[3];
    int i, j;
    ASSERT_EQ(IO_OK, event_parse(&c, "e.cfg", ldc_text, &why));
    s = snl_source_from_theta(c.inject[0]);
    ASSERT_EQ(SNL_OK, snl_qnm_create(&q));
    cfg = snl_lisa_defaults(q);
    ASSERT_EQ(SNL_OK, snl_lisa_transfer(&cfg, &s, 2, 2, 3, f, t, aet, xyz, phase, NULL));
    for (i = 0; i < 3; i++) {
        pair want[3], got;
        double size = 0;
        ldc_xyz(&s, f[i], t[i], want);
        for (j = 0; j < 3; j++) size = fmax(size, hypot(want[j].re, want[j].im));
        for (j = 0; j < 3; j++) {
            got.re = xyz[2*(3*j + i)];
            got.im = xyz[2*(3*j + i) + 1];
            got = times(got, turn(phase[i]));
            ASSERT_NEAR(want[j].re/size, got.re/size, 1e-11);
            ASSERT_NEAR(want[j].im/size, got.im/size, 1e-11);
        }
    }
    snl_qnm_free(q);
    PASS();
}

/* event.c takes the place of a word or a parameter in the tool's tables for the library's. */
TEST the_tools_numbers_are_the_librarys(void)
{
    char word[EVENT_WORD];
    int i;
    ASSERT_STR_EQ("none", event_word("foreground", SNL_FOREGROUND_NONE, word));
    ASSERT_STR_EQ("ldc", event_word("foreground", SNL_FOREGROUND_LDC, word));
    ASSERT_STR_EQ("robson", event_word("foreground", SNL_FOREGROUND_ROBSON, word));
    ASSERT_STR_EQ("babak", event_word("foreground", SNL_FOREGROUND_BABAK, word));
    ASSERT_STR_EQ("SciRDv1", event_word("noise_model", SNL_SCIRDV1, word));
    ASSERT_STR_EQ("MRDv1", event_word("noise_model", SNL_MRDV1, word));
    ASSERT_STR_EQ("Sangria", event_word("noise_model", SNL_SANGRIA, word));
    ASSERT_STR_EQ("2.0", event_word("tdi", SNL_TDI_20, word));
    ASSERT_STR_EQ("longwave", event_word("response", SNL_RESPONSE_LONGWAVE, word));
    ASSERT_STR_EQ("PhenomHM", event_word("waveform", SNL_PHENOMHM, word));
    for (i = 0; i < SNL_NPAR; i++) ASSERT_STR_EQ(snl_parameter_name[i], event_params[i].name);
    PASS();
}

TEST refuses_their_names_where_they_mean_another_density(void)
{
    CHECK_CALL(config_refused("prior.EclipticLatitude = uniform 0 1\n",
                              "e.cfg:1: prior.EclipticLatitude: a prior must be in sin_beta"));
    CHECK_CALL(config_refused("prior.Mass2 = fixed 1e5\n",
                              "e.cfg:1: prior.Mass2: a prior must be in chirp_mass and mass_ratio"));
    CHECK_CALL(config_refused("prior.Spin1 = fixed 0\nprior.chi1 = fixed 0\n",
                              "e.cfg:2: prior.chi1: given before, on line 1"));
    CHECK_CALL(config_refused("inject.EclipticLatitude = 1.6\n",
                              "e.cfg:1: inject.EclipticLatitude: 1.6 is outside [-1.57079633, 1.57079633]"));
    CHECK_CALL(config_refused("inject.sin_beta = 0\ninject.EclipticLatitude = 0\n",
                              "e.cfg:2: inject.EclipticLatitude: given before, on line 1"));
    CHECK_CALL(config_refused("injectX.Mass1 = 1\n", "e.cfg:1: unknown key injectX.Mass1"));
    {
        char text[sizeof ldc_text];
        strcpy(text, ldc_text);
        memcpy(strstr(text, "612485"), "2e6   ", 6);
        CHECK_CALL(config_refused(text, "e.cfg:2: Mass2: Mass1/Mass2 = 0.6616385 is outside [1, 1000]"));
        strcpy(text, ldc_text);
        memcpy(strstr(text, "inject.Mass2 = 612485"), "inject.mass_ratio = 2", 21);
        CHECK_CALL(config_refused(text, "e.cfg:1: Mass1 and Mass2 belong together"));
    }
    PASS();
}

/* ---- plot ---------------------------------------------------------------- */

/* A unit Gaussian: the 50 % and 90 % contours are circles of r^2 = -2 ln(1 - p).  Here
 * from an exact density, so that marching squares and levels are tested alone. */
TEST contours_enclose_their_share(void)
{
    static double v[RING*RING], scratch[RING*RING];
    const double share[2] = { 0.5, 0.9 };
    size_t i, j, c;
    for (i = 1; i <= BINS; i++)
        for (j = 1; j <= BINS; j++) {
            const double x = ((double)j - 0.5)/BINS*8 - 4, y = ((double)i - 0.5)/BINS*8 - 4;
            v[i*RING + j] = exp(-0.5*(x*x + y*y));
        }
    for (c = 0; c < 2; c++) {
        const double level = plot_level(RING*RING, v, share[c], scratch);
        const field g = { v, RING, RING, level, 8, 8 };
        double x, y, r;
        int node = RING*(RING/2) + RING/2;
        ASSERT_NEAR(1 - share[c], level, 0.02);         /* level/peak = exp(-r^2/2) = 1 - p */
        while (v[node + 1] > level) node++;
        crossing(&g, 2*node, &x, &y);
        r = sqrt((x - 4)*(x - 4) + (4 - y)*(4 - y));
        ASSERT_NEAR(sqrt(-2*log(level)), r, 0.01);
    }
    PASS();
}

/* One sample at each end of an axis: both count, and the same. */
TEST an_axis_holds_its_ends(void)
{
    static const double v[4] = { 2, 5, 3, 7 };              /* (2, 5) and (3, 7) */
    static double one[CURVE], two[RING*RING];
    const plot_samples s = { "", 2, v, NULL };
    axis a, b;
    axis_set(&a, 2, 3, 4);
    axis_set(&b, 5, 7, 4);
    density1(&s, 2, 0, &a, 0, one);
    ASSERT_EQ(0.5, one[0]);
    ASSERT_EQ(0.5, one[CURVE - 1]);
    density2(&s, 2, 0, 1, &a, &b, 0, 0, two);
    ASSERT_EQ(1.0, two[RING + 1]);
    ASSERT_EQ(1.0, two[BINS*RING + BINS]);
    PASS();
}

/* Columns that hardly vary, vanish or are huge: a small picture of numbers, its legend in it. */
TEST any_one_column_can_be_drawn(void)
{
    static const struct { double at, step; } c[] = {
        { 1, 2.3e-16 }, { 1e16, 2 }, { 1, 1e-13 }, { 0, 0 }, { 0, 5e-324 }, { 1e-310, 1e-311 },
        { -1e290, 2e289 }, { 3, 1 } };
    static const char *const name[1] = { "a" };
    const double truth[1] = { 1 };
    plot_samples s = { "label", 12, NULL, NULL };
    double v[12], width, height;
    char *text, *p;
    size_t size, i, k;
    ASSERT_EQ(IO_OK, dir_make("build", &why));
    for (k = 0; k < sizeof c / sizeof c[0]; k++) {
        for (i = 0; i < 12; i++) v[i] = c[k].at + (double)(i % 3)*c[k].step;
        s.value = v;
        if (plot_corner(SCRATCH, 1, &s, 1, name, truth, &why) != IO_OK) FAILm(why.text);
        ASSERT_EQ(IO_OK, file_read(SCRATCH, &text, &size, &why));
        if (size > 9000 || strstr(text, "nan") || strstr(text, "inf")) printf("%s", text);
        ASSERT(size < 9000 && !strstr(text, "nan") && !strstr(text, "inf"));
        ASSERT(strstr(text, ">label<") && strstr(text, ">true values<"));
        width = strtod(strstr(text, "width='") + 7, NULL);
        height = strtod(strstr(text, "height='") + 8, NULL);
        for (p = text; (p = strstr(p, " y='")) != NULL; p++) ASSERT_LT(strtod(p + 4, NULL), height);
        for (p = text; (p = strstr(p, " x='")) != NULL; p++) ASSERT_LT(strtod(p + 4, NULL), width);
        free(text);
    }
    PASS();
}

TEST text_is_escaped(const char *text, size_t most, const char *want)
{
    char *got;
    size_t size;
    FILE *f = fopen(SCRATCH, "wb");
    ASSERT(f);
    put_escaped(f, text, most);
    fclose(f);
    ASSERT_EQ(IO_OK, file_read(SCRATCH, &got, &size, &why));
    ASSERT_STR_EQ(want, got);
    free(got);
    PASS();
}

/* The XML 1.0 standard, Char; RFC 3629. */
TEST text_is_what_xml_may_hold(void)
{
    CHECK_CALL(text_is_escaped("a<b>&c", 9, "a&lt;b&gt;&amp;c"));
    CHECK_CALL(text_is_escaped("dir/x.tsv", 9, "dir/x.tsv"));
    CHECK_CALL(text_is_escaped("a/dir/x.tsv", 9, "\xe2\x80\xa6" "dir/x.tsv"));
    CHECK_CALL(text_is_escaped("\xce\xbb\xf0\x9f\x98\x80\xce\xbb", 2, "\xe2\x80\xa6\xf0\x9f\x98\x80\xce\xbb"));
    CHECK_CALL(text_is_escaped("a\001b\x7f", 9, "a\xef\xbf\xbd" "b\x7f"));
    CHECK_CALL(text_is_escaped("\xce", 9, "\xef\xbf\xbd"));                           /* cut */
    CHECK_CALL(text_is_escaped("\xc1\x81", 9, "\xef\xbf\xbd\xef\xbf\xbd"));          /* overlong A */
    CHECK_CALL(text_is_escaped("\xed\xa0\x80", 1, "\xe2\x80\xa6\xef\xbf\xbd"));      /* a surrogate */
    CHECK_CALL(text_is_escaped("\xef\xbf\xbe" "x", 1, "\xe2\x80\xa6x"));              /* U+FFFE */
    CHECK_CALL(text_is_escaped("\xf4\x90\x80\x80x", 1, "\xe2\x80\xa6x"));            /* above U+10FFFF */
    PASS();
}

TEST a_corner_plot_is_one_small_svg(void)
{
    static const char *const name[3] = { "chirp_mass", "t_ref", "a<b" };
    enum { ROWS = 400 };
    static double v[ROWS*3], w[ROWS];
    const double truth[3] = { 1e6, 4e6 + 1, 0.5 };
    plot_samples s[2] = { { "one", ROWS, v, NULL }, { "two & more", ROWS, v, w } };
    char *text;
    size_t size, i;
    for (i = 0; i < ROWS; i++) {
        const double a = (double)(i*37 % 400)/400, b = (double)(i*151 % 400)/400;
        v[3*i] = 1e6 + 100*a;  v[3*i + 1] = 4e6 + a + b;  v[3*i + 2] = b;  w[i] = a;
    }
    ASSERT_EQ(IO_OK, dir_make("build", &why));
    ASSERT_EQ(IO_OK, plot_corner(SCRATCH, 2, s, 3, name, truth, &why));
    ASSERT_EQ(IO_OK, file_read(SCRATCH, &text, &size, &why));
    ASSERT(size > 2000 && size < 1000000);
    ASSERT(strncmp(text, "<svg ", 5) == 0 && strcmp(text + size - 7, "</svg>\n") == 0);
    ASSERT(strstr(text, "a&lt;b") && strstr(text, "two &amp; more"));
    ASSERT_FALSE(strstr(text, "nan") || strstr(text, "inf"));
    free(text);
    v[7] = strtod("nan", NULL);
    ASSERT_EQ(IO_REFUSED, plot_corner(SCRATCH, 2, s, 3, name, truth, &why));
    ASSERT_STR_EQ("one: sample 2 is not finite, or above 1e290", why.text);
    ASSERT_EQ(IO_REFUSED, plot_corner(SCRATCH, 0, s, 3, name, truth, &why));
    PASS();
}

/* ---- the report ---------------------------------------------------------- */

/* Checks and their sum for weights of such a shape and efficiency say yes, and do not say no. */
TEST the_verdict_says(double pareto, double efficiency, const char *yes, const char *no)
{
    report r;
    verdicts v;
    char *text = NULL;
    size_t size;
    FILE *f = fopen(SCRATCH, "wb");
    ASSERT(f);
    memset(&r, 0, sizeof r);
    r.pareto = pareto;
    r.efficiency = efficiency;
    r.ess = -1;
    r.accept = strtod("nan", NULL);
    v = judge_all(f, &r, NULL);
    put_verdict(f, &r, &v);
    fclose(f);
    ASSERT_EQ(IO_OK, file_read(SCRATCH, &text, &size, &why));
    if (!strstr(text, yes) || strstr(text, no)) printf("%s", text);
    ASSERT(strstr(text, yes));
    ASSERT_FALSE(strstr(text, no));
    free(text);
    PASS();
}

/* Pareto-smoothed weights [PS]: k above 0.7 is not reliable, whatever the efficiency. */
TEST the_verdict_knows_a_heavy_tail(void)
{
    CHECK_CALL(the_verdict_says(0.5, 0.99, "verdict good", "tail"));
    CHECK_CALL(the_verdict_says(0.91, 0.99, "verdict mid\"><b>~ Trust medians and intervals</b>, "
        "not far tails or an evidence", "Trust it"));
    CHECK_CALL(the_verdict_says(0.91, 0.99, "k&nbsp;=&nbsp;0.91, above 0.7", "verdict good"));
    CHECK_CALL(the_verdict_says(0.91, 0.5, "verdict bad\"><b>\xe2\x9c\x97 With care</b>: a few draws "
        "carry the result", "verdict mid"));
    CHECK_CALL(the_verdict_says(strtod("inf", NULL), 0.99, "verdict mid", "verdict good"));
    CHECK_CALL(the_verdict_says(0.91, 0.05, "Do not trust it", "verdict mid"));
    PASS();
}

SUITE(io)
{
    RUN_TEST(reads_every_form_of_table);
    RUN_TEST(keeps_text_cells);
    RUN_TEST(refuses_bad_tables_by_line);
    RUN_TEST(tables_come_back_as_written);
    RUN_TEST(a_file_is_written_whole_or_not_at_all);
    RUN_TEST(of_two_writers_the_last_wins_whole);
    RUN_TEST(paths_are_joined);
    RUN_TEST(reads_and_refuses_npy);
    RUN_TEST(npy_comes_back_as_written);
    RUN_TEST(reads_a_configuration);
    RUN_TEST(the_template_parses_to_the_defaults);
    RUN_TEST(refuses_bad_configurations_by_line);
    RUN_TEST(knows_the_names_of_the_data_challenges);
    RUN_TEST(their_polarisation_frame_and_signs_are_ours);
    RUN_TEST(the_tools_numbers_are_the_librarys);
    RUN_TEST(refuses_their_names_where_they_mean_another_density);
    RUN_TEST(contours_enclose_their_share);
    RUN_TEST(an_axis_holds_its_ends);
    RUN_TEST(any_one_column_can_be_drawn);
    RUN_TEST(text_is_what_xml_may_hold);
    RUN_TEST(a_corner_plot_is_one_small_svg);
    RUN_TEST(the_verdict_knows_a_heavy_tail);
    remove(SCRATCH);
}

GREATEST_MAIN_DEFS();

int main(int argc, char **argv)
{
    GREATEST_MAIN_BEGIN();
    RUN_SUITE(io);
    GREATEST_MAIN_END();
}
