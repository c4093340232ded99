/* SPDX-License-Identifier: MIT */
/* base/prng.h */
#include "base/prng.h"
#include "test.h"

TEST(is_splitmix64)
{
        /* The first outputs of the reference implementation. */
        static const uint64_t of_0[] = { 0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, 0x06c45d188009454f,
                                         0xf88bb8a8724c81ec, 0x1b39896a51a8749b };
        static const uint64_t of_1234567[] = { 6457827717110365317u, 3203168211198807973u,
                                               9817491932198370423u, 4593380528125082431u,
                                               16408922859458223821u };

        for (uint64_t i = 0; i < 5; i++) {
                EXPECT(cede__prng(0, i) == of_0[i]);
                EXPECT(cede__prng(1234567, i) == of_1234567[i]);
        }
}

TEST(is_a_function_of_seed_and_counter)
{
        EXPECT(cede__prng(7, 9) == cede__prng(7, 9));
        EXPECT(cede__prng(7, 9) != cede__prng(7, 10));
        EXPECT(cede__prng(7, 9) != cede__prng(8, 9));
}

TEST(takes_extreme_arguments)
{
        EXPECT(cede__prng(UINT64_MAX, UINT64_MAX) == cede__prng(UINT64_MAX, UINT64_MAX));
        EXPECT(cede__prng(0, UINT64_MAX) != cede__prng(UINT64_MAX, 0));
}

TEST(values_are_uniform)
{
        enum { BUCKETS = 256, DRAWS = BUCKETS * 256 };

        for (uint64_t seed = 0; seed < 5; seed++) {
                int high[BUCKETS] = { 0 }, low[BUCKETS] = { 0 };
                double chi_high = 0, chi_low = 0;

                for (uint64_t i = 0; i < DRAWS; i++) {
                        high[cede__prng(seed, i) >> 56]++;
                        low[cede__prng(seed, i) & 255]++;
                }
                for (int b = 0; b < BUCKETS; b++) {
                        chi_high += (high[b] - 256.0) * (high[b] - 256.0) / 256;
                        chi_low += (low[b] - 256.0) * (low[b] - 256.0) / 256;
                }
                /* 255 degrees of freedom: 255 +- 23; these seeds lie well inside. */
                EXPECT(chi_high > 160 && chi_high < 350);
                EXPECT(chi_low > 160 && chi_low < 350);
        }
}

TEST(neighbouring_seeds_are_unrelated)
{
        int equal_bits = 0;

        for (uint64_t i = 0; i < 10000; i++)
                equal_bits += 64 - __builtin_popcountll(cede__prng(1, i) ^ cede__prng(2, i));
        EXPECT(equal_bits > 318000 && equal_bits < 322000); /* 320000 +- 400 */
}
