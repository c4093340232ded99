/* SPDX-License-Identifier: MIT */
/*
 * Call sites through elfutils' libdw.  The library is opened when the first report is made, and
 * never closed; where it is not installed, reports show addresses.  Debugging information is looked
 * for on this machine only (by build id), not on a debuginfod server.
 */
#include "base/site.h"
#include "base/alloc.h"
#include <dlfcn.h>
#include <elfutils/libdwfl.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

/* The functions in use, each with the type that its header declares. */
static struct {
        __typeof__(&dwfl_begin) begin;
        __typeof__(&dwfl_end) end;
        __typeof__(&dwfl_linux_proc_report) report;
        __typeof__(&dwfl_report_end) report_end;
        __typeof__(&dwfl_addrmodule) module;
        __typeof__(&dwfl_module_addrname) name;
        __typeof__(&dwfl_module_getsrc) line;
        __typeof__(&dwfl_lineinfo) info;
        bool loaded;
} dw;

static Dwfl_Callbacks callbacks;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static bool find(void *library, const char *name, void *ret_function)
{
        void *found = dlsym(library, name);

        memcpy(ret_function, &found, sizeof(found)); /* ISO C has no cast for this */
        return found != NULL;
}

static void load(void)
{
        void *library = dlopen("libdw.so.1", RTLD_NOW | RTLD_LOCAL);

        dw.loaded = library && find(library, "dwfl_begin", &dw.begin) &&
                    find(library, "dwfl_end", &dw.end) &&
                    find(library, "dwfl_linux_proc_report", &dw.report) &&
                    find(library, "dwfl_report_end", &dw.report_end) &&
                    find(library, "dwfl_addrmodule", &dw.module) &&
                    find(library, "dwfl_module_addrname", &dw.name) &&
                    find(library, "dwfl_module_getsrc", &dw.line) &&
                    find(library, "dwfl_lineinfo", &dw.info) &&
                    find(library, "dwfl_linux_proc_find_elf", &callbacks.find_elf) &&
                    find(library, "dwfl_build_id_find_debuginfo", &callbacks.find_debuginfo);
}

/* There is no struct behind the name: it stands for a Dwfl. */
struct cede__sites *cede__sites_open(void)
{
        Dwfl *dwfl;

        pthread_once(&once, load);
        dwfl = dw.loaded ? dw.begin(&callbacks) : NULL;
        if (!dwfl)
                return NULL;
        if (dw.report(dwfl, getpid()) == 0 && dw.report_end(dwfl, NULL, NULL) == 0)
                return (struct cede__sites *)dwfl;
        dw.end(dwfl);
        return NULL;
}

void cede__sites_close(struct cede__sites *sites)
{
        if (sites)
                dw.end((Dwfl *)sites);
}

struct cede__site cede__sites_find(struct cede__sites *sites, const void *site)
{
        GElf_Addr address = (uintptr_t)site - 1; /* inside the call, not behind it */
        Dwfl_Module *module = sites ? dw.module((Dwfl *)sites, address) : NULL;
        struct cede__site found = { 0 };
        Dwfl_Line *line;

        if (!module)
                return found;
        found.function = dw.name(module, address);
        line = dw.line(module, address);
        if (line)
                found.file = dw.info(line, NULL, &found.line, NULL, NULL, NULL);
        if (found.file && strrchr(found.file, '/'))
                found.file = strrchr(found.file, '/') + 1;
        return found;
}
