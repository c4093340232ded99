/* SPDX-License-Identifier: MIT */
/*
 * Random numbers that are a function of (seed, counter): splitmix64's output mix (Steele, Lea,
 * Flood: "Fast splittable pseudorandom number generators", 2014).  No state but the counter that
 * the caller has anyway.
 */
#ifndef CEDE_BASE_PRNG_H
#define CEDE_BASE_PRNG_H

#include <stdint.h>

static inline uint64_t cede__prng(uint64_t seed, uint64_t counter)
{
        uint64_t z = seed + (counter + 1) * UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        return z ^ (z >> 31);
}

#endif
