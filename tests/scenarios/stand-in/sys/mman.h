/* SPDX-License-Identifier: BSD-2-Clause */
/* Not the real header: see stand_in.h. */
#include "../stand_in.h"
