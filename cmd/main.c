/* SPDX-License-Identifier: MIT */
/* The command `cede`: dispatches to its subcommands. */
#include <stdio.h>

int main(void)
{
        fputs("usage: cede COMMAND ...\n", stderr);
        return 2;
}
