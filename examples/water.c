/* SPDX-License-Identifier: MIT */
/*
 * Each atom is a task.  Two of hydrogen and one of oxygen make a molecule, and the atoms of one
 * molecule bond before any of the next.
 *
 * Two semaphores are the places in the present molecule.  Whoever takes the last place opens the
 * next molecule.
 */
#include "example.h"

#include <cede.h>
#include <stdio.h>

static struct cede_sem hydrogen = CEDE_SEM_INIT(2, CEDE_FIFO);
static struct cede_sem oxygen = CEDE_SEM_INIT(1, CEDE_FIFO);
static int bonded; /* in the present molecule */

static int bond(struct cede_sem *places, char atom)
{
        int r = cede_sem_acquire(places);

        if (r < 0)
                return r;
        putchar(atom);
        if (++bonded == 3) {
                bonded = 0;
                cede_sem_release_n(&hydrogen, 2);
                cede_sem_release(&oxygen);
        }
        return 0;
}

static int hydrogen_atom(void *arg)
{
        (void)arg;
        return bond(&hydrogen, 'H');
}

static int oxygen_atom(void *arg)
{
        (void)arg;
        return bond(&oxygen, 'O');
}

static const char *atoms = "OOHHHH";

/* Only what makes whole molecules: the rest would wait for ever. */
static void check_atoms(void)
{
        long h = 0, o = 0;

        for (const char *atom = atoms; *atom; atom++) {
                if (*atom != 'H' && *atom != 'O')
                        example_usage("atoms are H and O, not \"%s\"", atoms);
                h += *atom == 'H';
                o += *atom == 'O';
        }
        if (!o || h != 2 * o)
                example_usage("%ld H and %ld O do not make water: two H for each O, please", h, o);
}

static int water(void *arg)
{
        int r = 0;

        (void)arg;
        check_atoms();
        CEDE_SCOPE(all, &r) {
                for (const char *atom = atoms; *atom && r >= 0; atom++)
                        r = cede_spawn(&all, *atom == 'H' ? hydrogen_atom : oxygen_atom, NULL);
        }
        printf("\n");
        return r;
}

int main(int argc, char **argv)
{
        static const struct example_option options[] = {
                { "ATOMS", NULL, "in the order in which they come (OOHHHH)", .text = &atoms,
                  .operand = true },
                { 0 },
        };

        return example_main(argc, argv, "Atoms of hydrogen and oxygen make water.", options, water);
}
