/* SPDX-License-Identifier: MIT */
#include "base/chooser.h"

struct cede__chooser *cede__chooser;
