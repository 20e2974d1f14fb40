/* greatest.h - a small test harness, C99, one header, nothing allocated.
 *
 * Speaks the part of the public interface of silentbicycle's greatest 1.5 that these
 * tests use, so that the original can be put in its place (make test GREATEST=DIR).
 *
 *     TEST two_and_two(void) { ASSERT_EQ(4, 2 + 2);  PASS(); }
 *     SUITE(sums) { RUN_TEST(two_and_two); }
 *     GREATEST_MAIN_DEFS();
 *     int main(int argc, char **argv)
 *     { GREATEST_MAIN_BEGIN();  RUN_SUITE(sums);  GREATEST_MAIN_END(); }
 *
 * Two differences: ASSERT_IN_RANGE fails on NaN, and a run without any test, as from a
 * filter that matches nothing, fails.
 */
#ifndef GREATEST_H
#define GREATEST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef enum greatest_test_res {
    GREATEST_TEST_RES_PASS = 0,
    GREATEST_TEST_RES_FAIL = -1,
    GREATEST_TEST_RES_SKIP = 1
} greatest_test_res;

typedef void greatest_setup_cb(void *udata);
typedef void greatest_teardown_cb(void *udata);
typedef void greatest_suite_cb(void);
typedef const char *greatest_enum_str_fun(int value);
typedef struct greatest_type_info {
    int (*equal)(const void *expd, const void *got, void *udata);   /* non-zero: same   */
    int (*print)(const void *t, void *udata);                       /* NULL: no display */
} greatest_type_info;

typedef struct greatest_count { unsigned passed, failed, skipped; } greatest_count;

struct greatest_run_info {
    const char *suite_filter, *test_filter, *test_exclude;
    int         verbosity, list_only, first_fail, abort_on_fail, exact, width;
    greatest_count suite, total;
    unsigned long  assertions;
    clock_t        begin, suite_begin, test_begin;
    const char    *msg, *fail_file;
    unsigned       fail_line;
    char           suffix[64];
    greatest_setup_cb    *setup;     void *setup_udata;
    greatest_teardown_cb *teardown;  void *teardown_udata;
};
extern struct greatest_run_info greatest_info;

#define GREATEST_STDOUT  stdout
#define GREATEST_FPRINTF fprintf

/* ---- running ------------------------------------------------------------ */

static inline double greatest_seconds(clock_t from, clock_t to)
{ return (double)(to - from) / (double)CLOCKS_PER_SEC; }

static inline int greatest_matches(const char *name, const char *filter)
{
    return greatest_info.exact ? strcmp(name, filter) == 0 : strstr(name, filter) != NULL;
}

static inline void greatest_set_test_suffix(const char *suffix)
{
    greatest_info.suffix[0] = '\0';
    strncat(greatest_info.suffix, suffix, sizeof greatest_info.suffix - 1);
}

static inline void greatest_set_verbosity(unsigned v) { greatest_info.verbosity = (int)v; }
static inline unsigned greatest_get_verbosity(void) { return (unsigned)greatest_info.verbosity; }

static inline int greatest_all_passed(void)
{
    return greatest_info.total.failed == 0;
}

/* Is this test wanted?  If so, set up. */
static inline int greatest_test_pre(const char *name)
{
    struct greatest_run_info *g = &greatest_info;
    char full[192];
    sprintf(full, g->suffix[0] ? "%.120s_%.63s" : "%.120s%.63s", name, g->suffix);
    if ((g->test_filter && !greatest_matches(full, g->test_filter))
        || (g->test_exclude && greatest_matches(full, g->test_exclude))
        || (g->first_fail && g->suite.failed + g->total.failed > 0)) {
        g->suffix[0] = '\0';
        return 0;
    }
    if (g->list_only) {
        fprintf(GREATEST_STDOUT, "    %s\n", full);
        g->suffix[0] = '\0';
        return 0;
    }
    g->msg = NULL;
    g->test_begin = clock();
    if (g->setup) g->setup(g->setup_udata);
    return 1;
}

static inline void greatest_test_post(const char *name, greatest_test_res res)
{
    static const char *const word[3] = { "PASS", "FAIL", "SKIP" };
    struct greatest_run_info *g = &greatest_info;
    const int kind = res == GREATEST_TEST_RES_PASS ? 0 : res == GREATEST_TEST_RES_SKIP ? 2 : 1;
    if (g->teardown) g->teardown(g->teardown_udata);
    (*(kind == 0 ? &g->suite.passed : kind == 1 ? &g->suite.failed : &g->suite.skipped))++;
    if (g->verbosity || kind == 1) {
        if (!g->verbosity && g->width) fprintf(GREATEST_STDOUT, "\n");
        fprintf(GREATEST_STDOUT, "%s %s%s%s", word[kind], name,
                g->suffix[0] ? "_" : "", g->suffix);
        if (kind != 0 || g->msg)
            fprintf(GREATEST_STDOUT, ": %s", g->msg ? g->msg : "");
        if (kind == 1) fprintf(GREATEST_STDOUT, " (%s:%u)", g->fail_file, g->fail_line);
        if (g->verbosity) fprintf(GREATEST_STDOUT, " (%.3f sec)",
                                  greatest_seconds(g->test_begin, clock()));
        fprintf(GREATEST_STDOUT, "\n");
        g->width = 0;
    } else {
        fputc(kind == 0 ? '.' : 's', GREATEST_STDOUT);
        if (++g->width % 72 == 0) fprintf(GREATEST_STDOUT, "\n");
    }
    fflush(GREATEST_STDOUT);
    g->suffix[0] = '\0';
    if (kind == 1 && g->abort_on_fail) abort();
}

/* Close a suite, or the tests that were run outside any. */
static inline void greatest_suite_post(int named)
{
    struct greatest_run_info *g = &greatest_info;
    greatest_count *s = &g->suite, *t = &g->total;
    const unsigned n = s->passed + s->failed + s->skipped;
    if (g->width) fprintf(GREATEST_STDOUT, "\n");
    if (n && named)
        fprintf(GREATEST_STDOUT, "%u test%s - %u passed, %u failed, %u skipped (%.3f sec)\n",
                n, n == 1 ? "" : "s", s->passed, s->failed, s->skipped,
                greatest_seconds(g->suite_begin, clock()));
    t->passed += s->passed;
    t->failed += s->failed;
    t->skipped += s->skipped;
    memset(s, 0, sizeof *s);
    g->width = 0;
    g->setup = NULL;
    g->teardown = NULL;
}

static inline void greatest_run_suite(greatest_suite_cb *suite, const char *name)
{
    struct greatest_run_info *g = &greatest_info;
    if (g->suite_filter && !greatest_matches(name, g->suite_filter)) return;
    greatest_suite_post(0);
    if (g->first_fail && g->total.failed > 0) return;
    fprintf(GREATEST_STDOUT, "\n* Suite %s:\n", name);
    g->suite_begin = clock();
    suite();
    greatest_suite_post(1);
}

static inline void greatest_report(void)
{
    struct greatest_run_info *g = &greatest_info;
    unsigned n;
    greatest_suite_post(0);
    if (g->list_only) return;
    n = g->total.passed + g->total.failed + g->total.skipped;
    if (n == 0) {
        fprintf(GREATEST_STDOUT, "No test was run.\n");
        g->total.failed++;
    }
    fprintf(GREATEST_STDOUT, "\nTotal: %u test%s (%.3f sec), %lu assertion%s\n"
            "Pass: %u, fail: %u, skip: %u.\n", n, n == 1 ? "" : "s",
            greatest_seconds(g->begin, clock()), g->assertions,
            g->assertions == 1 ? "" : "s", g->total.passed, g->total.failed,
            g->total.skipped);
}

static inline void greatest_parse_options(int argc, char **argv)
{
    struct greatest_run_info *g = &greatest_info;
    int i;
    for (i = 1; i < argc; i++) {
        const char *a = argv[i], *next = i + 1 < argc ? argv[i + 1] : NULL;
        if (!strcmp(a, "--")) return;
        else if (!strcmp(a, "-v") || !strcmp(a, "-vv")) g->verbosity += (int)strlen(a) - 1;
        else if (!strcmp(a, "-l")) g->list_only = 1;
        else if (!strcmp(a, "-f")) g->first_fail = 1;
        else if (!strcmp(a, "-a")) g->abort_on_fail = 1;
        else if (!strcmp(a, "-e")) g->exact = 1;
        else if (!strcmp(a, "-s") && next) { g->suite_filter = next;  i++; }
        else if (!strcmp(a, "-t") && next) { g->test_filter = next;  i++; }
        else if (!strcmp(a, "-x") && next) { g->test_exclude = next;  i++; }
        else {
            const int help = !strcmp(a, "-h") || !strcmp(a, "--help");
            if (!help) fprintf(GREATEST_STDOUT, "Unknown or incomplete option '%s'\n", a);
            fprintf(GREATEST_STDOUT, "Usage: %s [-hlfaev] [-s SUITE] [-t TEST] [-x EXCLUDE]\n"
                    "  -h          print this help\n"
                    "  -l          list suites and tests, run nothing\n"
                    "  -f          stop after the first failure\n"
                    "  -a          abort on the first failure\n"
                    "  -v          one line for each test\n"
                    "  -s SUITE    only suites whose name contains SUITE\n"
                    "  -t TEST     only tests whose name contains TEST\n"
                    "  -x EXCLUDE  without tests whose name contains EXCLUDE\n"
                    "  -e          names must match exactly\n", argv[0]);
            exit(help ? EXIT_SUCCESS : EXIT_FAILURE);
        }
    }
}

#define GREATEST_MAIN_DEFS() struct greatest_run_info greatest_info
#define GREATEST_INIT()                                                         \
    do { memset(&greatest_info, 0, sizeof greatest_info);                       \
         greatest_info.begin = greatest_info.suite_begin = clock(); } while (0)
#define GREATEST_MAIN_BEGIN()                                                   \
    do { GREATEST_INIT();  greatest_parse_options(argc, argv); } while (0)
#define GREATEST_PRINT_REPORT() greatest_report()
#define GREATEST_ALL_PASSED()   greatest_all_passed()
#define GREATEST_MAIN_END()                                                     \
    do { GREATEST_PRINT_REPORT();                                               \
         return GREATEST_ALL_PASSED() ? EXIT_SUCCESS : EXIT_FAILURE; } while (0)

#define TEST        static enum greatest_test_res
#define SUITE(NAME) void NAME(void); void NAME(void)
#define SUITE_EXTERN(NAME) void NAME(void)
#define RUN_SUITE(NAME)    greatest_run_suite(NAME, #NAME)

#define GREATEST_RUN_(NAME, CALL)                                               \
    do { if (greatest_test_pre(#NAME)) {                                        \
             const enum greatest_test_res greatest_res_ = CALL;                 \
             greatest_test_post(#NAME, greatest_res_); } } while (0)
#define RUN_TEST(NAME)       GREATEST_RUN_(NAME, NAME())
#define RUN_TEST1(NAME, ENV) GREATEST_RUN_(NAME, NAME(ENV))
#define RUN_TESTp(NAME, ...) GREATEST_RUN_(NAME, NAME(__VA_ARGS__))

#define SET_SETUP(CB, UDATA)                                                    \
    do { greatest_info.setup = (CB);  greatest_info.setup_udata = (UDATA); } while (0)
#define SET_TEARDOWN(CB, UDATA)                                                 \
    do { greatest_info.teardown = (CB);  greatest_info.teardown_udata = (UDATA); } while (0)

/* ---- verdicts: each returns from the test -------------------------------- */

#define PASSm(MSG) do { greatest_info.msg = (MSG);  return GREATEST_TEST_RES_PASS; } while (0)
#define SKIPm(MSG) do { greatest_info.msg = (MSG);  return GREATEST_TEST_RES_SKIP; } while (0)
#define FAILm(MSG)                                                              \
    do { greatest_info.fail_file = __FILE__;  greatest_info.fail_line = __LINE__; \
         greatest_info.msg = (MSG);  return GREATEST_TEST_RES_FAIL; } while (0)
#define PASS() PASSm(NULL)
#define SKIP() SKIPm(NULL)
#define FAIL() FAILm(NULL)

/* Hand on the verdict of a helper that is itself a TEST. */
#define CHECK_CALL(CALL)                                                        \
    do { const enum greatest_test_res greatest_call_ = (CALL);                  \
         if (greatest_call_ != GREATEST_TEST_RES_PASS) return greatest_call_; } while (0)

/* ---- claims ------------------------------------------------------------- */

#define ASSERTm(MSG, COND)                                                      \
    do { greatest_info.assertions++;  if (!(COND)) FAILm(MSG); } while (0)
#define ASSERT_FALSEm(MSG, COND)   ASSERTm(MSG, !(COND))
#define ASSERT_EQm(MSG, EXP, GOT)  ASSERTm(MSG, (EXP) == (GOT))
#define ASSERT_NEQm(MSG, EXP, GOT) ASSERTm(MSG, (EXP) != (GOT))
#define ASSERT_GTm(MSG, EXP, GOT)  ASSERTm(MSG, (EXP) > (GOT))
#define ASSERT_GTEm(MSG, EXP, GOT) ASSERTm(MSG, (EXP) >= (GOT))
#define ASSERT_LTm(MSG, EXP, GOT)  ASSERTm(MSG, (EXP) < (GOT))
#define ASSERT_LTEm(MSG, EXP, GOT) ASSERTm(MSG, (EXP) <= (GOT))
#define ASSERT(COND)          ASSERTm(#COND, COND)
#define ASSERT_FALSE(COND)    ASSERT_FALSEm(#COND, COND)
#define ASSERT_EQ(EXP, GOT)   ASSERT_EQm(#EXP " != " #GOT, EXP, GOT)
#define ASSERT_NEQ(EXP, GOT)  ASSERT_NEQm(#EXP " == " #GOT, EXP, GOT)
#define ASSERT_GT(EXP, GOT)   ASSERT_GTm(#EXP " <= " #GOT, EXP, GOT)
#define ASSERT_GTE(EXP, GOT)  ASSERT_GTEm(#EXP " < " #GOT, EXP, GOT)
#define ASSERT_LT(EXP, GOT)   ASSERT_LTm(#EXP " >= " #GOT, EXP, GOT)
#define ASSERT_LTE(EXP, GOT)  ASSERT_LTEm(#EXP " > " #GOT, EXP, GOT)

#define ASSERT_EQ_FMTm(MSG, EXP, GOT, FMT)                                      \
    do { greatest_info.assertions++;                                            \
         if (!((EXP) == (GOT))) {                                               \
             fprintf(GREATEST_STDOUT, "\nExpected: " FMT "\n     Got: " FMT "\n", EXP, GOT); \
             FAILm(MSG); } } while (0)
#define ASSERT_EQ_FMT(EXP, GOT, FMT) ASSERT_EQ_FMTm(#EXP " != " #GOT, EXP, GOT, FMT)

#define ASSERT_ENUM_EQm(MSG, EXP, GOT, STR)                                     \
    do { const int exp_ = (int)(EXP), got_ = (int)(GOT);                        \
         greatest_enum_str_fun *str_ = (STR);                                   \
         greatest_info.assertions++;                                            \
         if (exp_ != got_) {                                                    \
             fprintf(GREATEST_STDOUT, "\nExpected: %s", str_(exp_));            \
             fprintf(GREATEST_STDOUT, "\n     Got: %s\n", str_(got_));          \
             FAILm(MSG); } } while (0)
#define ASSERT_ENUM_EQ(EXP, GOT, STR) ASSERT_ENUM_EQm(#EXP " != " #GOT, EXP, GOT, STR)

/* |EXP - GOT| <= TOL, false for NaN. */
#define ASSERT_IN_RANGEm(MSG, EXP, GOT, TOL)                                    \
    do { const double exp_ = (EXP), got_ = (GOT), tol_ = (TOL);                 \
         greatest_info.assertions++;                                            \
         if (!(exp_ - got_ <= tol_ && got_ - exp_ <= tol_)) {                   \
             fprintf(GREATEST_STDOUT, "\nExpected: %.17g +/- %g\n     Got: %.17g\n", \
                     exp_, tol_, got_);                                         \
             FAILm(MSG); } } while (0)
#define ASSERT_IN_RANGE(EXP, GOT, TOL)                                          \
    ASSERT_IN_RANGEm(#EXP " != " #GOT " +/- " #TOL, EXP, GOT, TOL)

static inline int greatest_strings_differ(const char *a, const char *b, size_t n)
{
    if (a && b && (n ? strncmp(a, b, n) : strcmp(a, b)) == 0) return 0;
    fprintf(GREATEST_STDOUT, "\nExpected: \"%s\"\n     Got: \"%s\"\n",
            a ? a : "(null)", b ? b : "(null)");
    return 1;
}

static inline int greatest_bytes_differ(const void *a, const void *b, size_t n)
{
    const unsigned char *p = a, *q = b;
    size_t i;
    for (i = 0; i < n; i++)
        if (p[i] != q[i]) {
            fprintf(GREATEST_STDOUT, "\nByte %lu of %lu: expected 0x%02x, got 0x%02x\n",
                    (unsigned long)i, (unsigned long)n, p[i], q[i]);
            return 1;
        }
    return 0;
}

static inline int greatest_values_differ(const void *a, const void *b,
                                         const greatest_type_info *t, void *udata)
{
    if (t && t->equal && t->equal(a, b, udata)) return 0;
    if (t && t->print) {
        fprintf(GREATEST_STDOUT, "\nExpected: ");
        t->print(a, udata);
        fprintf(GREATEST_STDOUT, "\n     Got: ");
        t->print(b, udata);
        fprintf(GREATEST_STDOUT, "\n");
    }
    return 1;
}

#define ASSERT_STR_EQm(MSG, EXP, GOT)     ASSERTm(MSG, !greatest_strings_differ(EXP, GOT, 0))
#define ASSERT_STR_EQ(EXP, GOT)           ASSERT_STR_EQm(#EXP " != " #GOT, EXP, GOT)
#define ASSERT_STRN_EQm(MSG, EXP, GOT, N)                                       \
    ASSERTm(MSG, (N) == 0 || !greatest_strings_differ(EXP, GOT, N))
#define ASSERT_STRN_EQ(EXP, GOT, N)       ASSERT_STRN_EQm(#EXP " != " #GOT, EXP, GOT, N)
#define ASSERT_MEM_EQm(MSG, EXP, GOT, N)  ASSERTm(MSG, !greatest_bytes_differ(EXP, GOT, N))
#define ASSERT_MEM_EQ(EXP, GOT, N)        ASSERT_MEM_EQm(#EXP " != " #GOT, EXP, GOT, N)
#define ASSERT_EQUAL_Tm(MSG, EXP, GOT, INFO, UDATA)                             \
    ASSERTm(MSG, !greatest_values_differ(EXP, GOT, INFO, UDATA))
#define ASSERT_EQUAL_T(EXP, GOT, INFO, UDATA)                                   \
    ASSERT_EQUAL_Tm(#EXP " != " #GOT, EXP, GOT, INFO, UDATA)

#endif
