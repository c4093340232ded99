/* SPDX-License-Identifier: MIT */
#include "base/sanity.h"

#if defined(CEDE__ASAN)
/* The stack that the switch in progress comes from: its bounds are learned on arrival. */
_Thread_local struct cede__sanity *cede__sanity_left;
#endif
