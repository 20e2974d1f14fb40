/* What must be the same bits on every machine: the random stream, saved bytes, their sums. */
#include <string.h>
#include "snl.h"
#include "greatest.h"

/* xoshiro256++ from the state 1, 2, 3, 4: the first words, worked out by hand from [BV] with
 * unbounded integers; splitmix64 of 1234567: the values of its reference implementation. */
TEST random_words_are_those_of_the_reference(void)
{
    static const uint64_t xo[4] = { UINT64_C(41943041), UINT64_C(58720359),
                                    UINT64_C(3588806011781223), UINT64_C(3591011842654386) };
    static const uint64_t mix[3] = { UINT64_C(6457827717110365317), UINT64_C(3203168211198807973),
                                     UINT64_C(9817491932198370423) };
    snl_rng r = { { 1, 2, 3, 4 } };
    uint64_t x = 1234567;
    for (int i = 0; i < 4; i++) ASSERT(xo[i] == snl_rng_bits(&r));
    for (int i = 0; i < 3; i++) ASSERT(mix[i] == snl_splitmix(&x));
    PASS();
}

/* 64-bit FNV-1a of "foobar": the value published with the function */
TEST saved_bytes_are_little_endian_and_summed_by_fnv1a(void)
{
    static const unsigned char want[16] = { 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0, 0, 0, 0, 0xf8, 0xbf };
    const double x = -1.5;
    double y;
    unsigned char b[16];
    uint64_t v;
    snl_put_doubles(snl_put(b, UINT64_C(0x0102030405060708)), 1, &x);
    ASSERT_MEM_EQ(want, b, 16);
    snl_get_doubles(snl_get(b, &v), 1, &y);
    ASSERT(v == UINT64_C(0x0102030405060708) && y == x);
    ASSERT(snl_fnv1a((const unsigned char *)"foobar", 6) == UINT64_C(0x85944171f73967e8));
    PASS();
}

/* The integer results of a seed, by another program with unbounded integers: draws below n, and uniforms, which are exact in binary. */
TEST integer_draws_of_a_seed_are_the_same_everywhere(void)
{
    snl_rng r;
    uint64_t sum = 0;
    snl_rng_seed(&r, 7, 3);
    for (int i = 0; i < 1000; i++) {
        const double u = snl_rng_uniform(&r);
        uint64_t bits;
        memcpy(&bits, &u, 8);
        sum = (sum ^ bits ^ (uint64_t)snl_rng_below(&r, 1000))*UINT64_C(0x100000001b3);
    }
    ASSERT_EQ_FMT(0xbd72c270UL, (unsigned long)(sum >> 32), "%lx");
    PASS();
}

SUITE(bytes)
{
    RUN_TEST(random_words_are_those_of_the_reference);
    RUN_TEST(saved_bytes_are_little_endian_and_summed_by_fnv1a);
    RUN_TEST(integer_draws_of_a_seed_are_the_same_everywhere);
}

GREATEST_MAIN_DEFS();

int main(int argc, char **argv)
{
    GREATEST_MAIN_BEGIN();
    RUN_SUITE(bytes);
    GREATEST_MAIN_END();
}
