/* Claims that must fail, each alone; tests/test_harness.sh sees that they do.  The
 * suite `true_claims` must pass.  Not run by `make test` directly. */
#include "greatest.h"
#include "near.h"

static double nan_value(void) { return strtod("nan", NULL); }
static const char *name_of(int v) { return v ? "one" : "nought"; }
static int int_equal(const void *a, const void *b, void *udata)
{ (void)udata;  return *(const int *)a == *(const int *)b; }
static int int_print(const void *a, void *udata)
{ (void)udata;  return printf("%d", *(const int *)a); }
static greatest_type_info int_info = { int_equal, int_print };

TEST f_fail(void) { FAIL(); }
TEST f_failm(void) { FAILm("told to"); }
TEST f_assert(void) { ASSERT(1 == 2);  PASS(); }
TEST f_assertm(void) { ASSERTm("told to", 0);  PASS(); }
TEST f_false(void) { ASSERT_FALSE(1);  PASS(); }
TEST f_eq(void) { ASSERT_EQ(1, 2);  PASS(); }
TEST f_neq(void) { ASSERT_NEQ(1, 1);  PASS(); }
TEST f_gt(void) { ASSERT_GT(1, 1);  PASS(); }
TEST f_gte(void) { ASSERT_GTE(1, 2);  PASS(); }
TEST f_lt(void) { ASSERT_LT(1, 1);  PASS(); }
TEST f_lte(void) { ASSERT_LTE(2, 1);  PASS(); }
TEST f_eq_fmt(void) { ASSERT_EQ_FMT(1, 2, "%d");  PASS(); }
TEST f_eq_nan(void) { ASSERT_EQ(1.0, nan_value());  PASS(); }
TEST f_lt_nan(void) { ASSERT_LT(nan_value(), 1.0);  PASS(); }
TEST f_gte_nan(void) { ASSERT_GTE(1.0, nan_value());  PASS(); }
TEST f_range(void) { ASSERT_IN_RANGE(1.0, 1.2, 0.1);  PASS(); }
#ifndef GREATEST_VERSION_MAJOR                      /* the original lets NaN pass */
TEST f_range_nan(void) { ASSERT_IN_RANGE(1.0, nan_value(), 0.1);  PASS(); }
TEST f_range_want_nan(void) { ASSERT_IN_RANGE(nan_value(), 1.0, 0.1);  PASS(); }
#endif
TEST f_str(void) { ASSERT_STR_EQ("a", "b");  PASS(); }
TEST f_strn(void) { ASSERT_STRN_EQ("abc", "abd", 3);  PASS(); }
TEST f_mem(void) { ASSERT_MEM_EQ("abc", "abd", 3);  PASS(); }
TEST f_enum(void) { ASSERT_ENUM_EQ(0, 1, name_of);  PASS(); }
TEST f_equal_t(void)
{ int a = 1, b = 2;  ASSERT_EQUAL_T(&a, &b, &int_info, NULL);  PASS(); }
TEST helper(int ok) { ASSERT(ok);  PASS(); }
TEST f_call(void) { CHECK_CALL(helper(0));  PASS(); }
TEST f_parameter(int a, int b) { ASSERT_EQ(a, b);  PASS(); }
TEST f_near(void) { ASSERT_NEAR(1.0, 1.2, 0.1);  PASS(); }
TEST f_near_nan(void) { ASSERT_NEAR(1.0, nan_value(), 0.1);  PASS(); }
TEST f_near_want_nan(void) { ASSERT_NEAR(nan_value(), 1.0, 0.1);  PASS(); }
TEST f_near_tol_nan(void) { ASSERT_NEAR(1.0, 1.0, nan_value());  PASS(); }
TEST f_near_infinite(void) { ASSERT_NEAR(1.0, 1/strtod("0", NULL), 1e300);  PASS(); }
TEST f_rel(void) { ASSERT_REL(1e-20, 2e-20, 1e-3);  PASS(); }
TEST f_rel_nan(void) { ASSERT_REL(1e-20, nan_value(), 1e-3);  PASS(); }

SUITE(false_claims)
{
    RUN_TEST(f_fail);       RUN_TEST(f_failm);      RUN_TEST(f_assert);     RUN_TEST(f_assertm);
    RUN_TEST(f_false);      RUN_TEST(f_eq);         RUN_TEST(f_neq);        RUN_TEST(f_gt);
    RUN_TEST(f_gte);        RUN_TEST(f_lt);         RUN_TEST(f_lte);        RUN_TEST(f_eq_fmt);
    RUN_TEST(f_eq_nan);     RUN_TEST(f_lt_nan);     RUN_TEST(f_gte_nan);    RUN_TEST(f_range);
#ifndef GREATEST_VERSION_MAJOR
    RUN_TEST(f_range_nan);  RUN_TEST(f_range_want_nan);
#endif
    RUN_TEST(f_str);        RUN_TEST(f_strn);       RUN_TEST(f_mem);        RUN_TEST(f_enum);
    RUN_TEST(f_equal_t);    RUN_TEST(f_call);       RUN_TESTp(f_parameter, 1, 2);
    RUN_TEST(f_near);       RUN_TEST(f_near_nan);   RUN_TEST(f_near_want_nan);
    RUN_TEST(f_near_tol_nan);                       RUN_TEST(f_near_infinite);
    RUN_TEST(f_rel);        RUN_TEST(f_rel_nan);
}

TEST t_all(void)
{
    int a = 1, b = 1;
    ASSERT(1);
    ASSERT_FALSE(0);
    ASSERT_EQ(1, 1);
    ASSERT_NEQ(1, 2);
    ASSERT_GT(2, 1);
    ASSERT_GTE(1, 1);
    ASSERT_LT(1, 2);
    ASSERT_LTE(1, 1);
    ASSERT_EQ_FMT(1, 1, "%d");
    ASSERT_IN_RANGE(1.0, 1.05, 0.1);
    ASSERT_STR_EQ("a", "a");
    ASSERT_STRN_EQ("abc", "abd", 2);
    ASSERT_MEM_EQ("abc", "abd", 2);
    ASSERT_ENUM_EQ(1, 1, name_of);
    ASSERT_EQUAL_T(&a, &b, &int_info, NULL);
    ASSERT_NEAR(1.0, 1.05, 0.1);
    ASSERT_NEAR(0.0, 0.0, 0.0);
    ASSERT_REL(1e-20, 1.0001e-20, 1e-3);
    ASSERT_REL(-1e-20, -1.0001e-20, 1e-3);
    CHECK_CALL(helper(1));
    PASS();
}
TEST t_message(void) { PASSm("fine"); }
TEST t_skip(void) { SKIP(); }
TEST t_skipm(void) { SKIPm("not today"); }
TEST t_one(void *p) { ASSERT_EQ(7, *(int *)p);  PASS(); }
SUITE(true_claims)
{
    int seven = 7;
    RUN_TEST(t_all);
    RUN_TEST(t_message);
    RUN_TEST(t_skip);
    RUN_TEST(t_skipm);
    RUN_TEST1(t_one, &seven);
}

GREATEST_MAIN_DEFS();

int main(int argc, char **argv)
{
    GREATEST_MAIN_BEGIN();
    RUN_SUITE(false_claims);
    RUN_SUITE(true_claims);
    GREATEST_MAIN_END();
}
