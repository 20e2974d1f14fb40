/* near.h - comparisons of doubles that print both numbers and fail on NaN; to be
 * included after greatest.h, ours or the original. */
#ifndef NEAR_H
#define NEAR_H

#include <math.h>
#include <stdio.h>

/* |got - want| <= tol */
#define ASSERT_NEAR(want, got, tol)                                             \
    do { const double want_ = (want), near_ = (got), bound_ = (tol);            \
         if (!(fabs(near_ - want_) <= bound_))                                  \
             printf("\nwant %.17g, got %.17g, off by %.3g, allowed %.3g\n",     \
                    want_, near_, near_ - want_, bound_);                       \
         ASSERTm(#got " is far from " #want, fabs(near_ - want_) <= bound_);    \
    } while (0)

/* |got - want| <= rel |want| */
#define ASSERT_REL(want, got, rel)                                              \
    do { const double value_ = (want);                                          \
         ASSERT_NEAR(value_, got, (rel)*fabs(value_)); } while (0)

#endif
