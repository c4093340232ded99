"""gdb commands for programs that use cede: where every task is, also those that do not run.

    cede tasks [MAX]   the task tree of each run: names, states, what each waits for, and where
    cede bt ID|all     the backtrace of one task, or of all
    cede task [ID]     makes a task's frames the ones that bt, frame, up and info locals show;
                       without ID: the thread's own again

They need the debugging information of libcede, and read memory only: nothing is called in the
program, and no register is written, so they work on core files, and a program goes on as if nothing
had happened. (Do not use `return` or write registers while a task is selected.) Whatever continues
the program deselects the task.

How a task that is not running is unwound: an unwinder stands in for the thread's innermost frame,
and says that its caller is where the task was suspended, with the registers that the context switch
saved (src/arch/). So a task's frames have numbers from 1 on (or a little more, if the thread's
innermost frame is of a function in which others were inlined).
"""

import gdb
from gdb.unwinder import Unwinder, register_unwinder

TASKS_MAX = 1000
WAITING, FIRM, DONE, STATE = 1, 2, 4, 7  # wait/wait.h

# What is waited for, by the name that reports call it, where the type is not "struct cede_" + name.
TYPES = {"semaphore": "cede_sem", "its slot of limit": "cede_limit", "the end of task": "cede_task",
         "the end of": "cede_scope", "offloaded function": None, "a": None, "another": None}


def type_of(name):
    try:
        return gdb.lookup_type(name)
    except gdb.error:
        raise gdb.GdbError(f"{name} is not known: is cede in use, with debugging information?")


def container(pointer, name, *members):
    """The object of type `name` of which `pointer` is the member (of a member...)."""
    offset, inner = 0, type_of(name)
    for member in members:
        offset += inner[member].bitpos // 8
        inner = inner[member].type
    return (pointer.cast(gdb.lookup_type("char").pointer()) - offset).cast(
        type_of(name).pointer()).dereference()


def text_of(pointer):
    return pointer.string(errors="replace", length=-1) if pointer else None


def symbol(address):
    """The function or variable at an address, else the address."""
    told = gdb.execute(f"info symbol {int(address)}", to_string=True)
    return hex(int(address)) if told.startswith("No symbol") else told.split(" in section")[0]


def place(pc):
    """The function that contains this address, and its place in the source."""
    try:
        function = gdb.block_for_pc(pc)
        while function and not function.function:
            function = function.superblock
        name = function.function.name if function else None
    except (RuntimeError, gdb.error):
        name = None
    line = gdb.find_pc_line(pc)
    if not name:
        return hex(pc)
    if not line.symtab:
        return name
    return f"{name} ({line.symtab.filename.rsplit('/', 1)[-1]}:{line.line})"


class Task:
    """A task record, in a run."""

    def __init__(self, record, run, depth):
        self.record, self.run, self.depth = record, run, depth
        self.fiber = record["fiber"]
        self.party = self.fiber["party"]
        self.id = int(record["fiber"]["id"])

    def running(self):
        """Its frames are its thread's: it runs, or waits with nobody to switch to."""
        return int(self.party.address) in self.run.current

    def thread(self):
        """That of its worker; before it has started, of the first one."""
        return self.run.threads.get(int(self.fiber["loop"])) or self.run.first_thread()

    def waiter(self):
        if int(self.party["cell"]) & STATE == DONE:
            return None  # granted: it is ready, and the object may be gone
        return self.party["waiter"].dereference() if self.party["waiter"] else None

    def title(self):
        name = text_of(self.record["name"])
        function = symbol(self.record["fn"]) if self.record["fn"] else None
        told = f"{name or function} ({self.id})"
        return told + (f" {function}()" if name and function else "")

    def state(self):
        waiter = self.waiter()
        if waiter:
            told = "waits for " + what(waiter, self)
        elif self.running():
            several = len(self.run.threads) > 1
            told = "running" + (f" on thread {self.thread().num}" if several else "")
        elif self.record["waits_to_start"]:
            told = "waits to start"
        else:
            told = "ready" if self.fiber["context"] else "about to start"
        return told + (", cancelled" if int(self.party["cancel"]) else "")

    def children(self):
        """Those in its scopes from the innermost one outwards; its home is its parent's."""
        home, scope = self.record["home"], self.party["scope"]
        is_main = int(home["owner"]) == int(self.party.address)
        while scope and (scope != home or is_main):
            head = scope["children"].address
            link = head["next"]
            while link != head:
                record = container(link, "struct cede_task", "sibling")
                if not record["fiber"]["ended"]:
                    yield Task(record, self.run, self.depth + 1)
                link = link["next"]
            scope = scope["parent"]


def what(waiter, task=None):
    """What a waiter waits for, and the place of the call."""
    kind = text_of(waiter["kind"]["name"])
    address, told = waiter["object"], kind
    if kind in ("a", "another"):
        told = "a time"
        if task:
            told += f" ({int(task.record['timer']['at'])} ns on the run's clock)"
    elif kind == "the end of":
        told = f"the end of {int(waiter['object'].cast(pointer_to('cede_scope'))['live'])} children"
    elif kind == "the end of task":
        told += f" {Task(address.cast(pointer_to('cede_task')).dereference(), None, 0).title()}"
    elif address:
        told += f" {name_of(kind, address)}"
    return told + (f", at {place(int(waiter['site']) - 1)}" if waiter["site"] else "")


def pointer_to(name):
    return type_of(f"struct {name}").pointer()


def name_of(kind, address):
    """The name that an object was given, else the variable that it is."""
    known = TYPES.get(kind, "cede_" + kind.replace(" ", "_"))
    try:
        name = text_of(address.cast(pointer_to(known))["name"]) if known else None
    except (gdb.error, gdb.GdbError):
        name = None
    return name or symbol(address)


class Run:
    """A run with its workers: threads of which each has a loop."""

    def __init__(self, record):
        self.record = record
        self.threads = {}     # by the address of the loop
        self.current = set()  # the addresses of parties that have their thread

    def first_thread(self):
        return min(self.threads.values(), key=lambda thread: thread.num)

    def live(self):
        return sum(int(self.record["worker"][i]["live"])
                   for i in range(int(self.record["workers"])))

    def title(self):
        numbers = sorted(thread.num for thread in self.threads.values())
        return f"run of thread{'s' if numbers[1:] else ''} {', '.join(map(str, numbers))}"

    def tasks(self):
        """All tasks, parents first; without recursion, since trees may be deep."""
        stack = [Task(self.record["worker"][0]["native"], self, 0)]
        while stack:
            task = stack.pop()
            yield task
            stack += reversed(list(task.children()))


def thread_local(name):
    """The value of a variable in the selected thread; None where libcede is not in use."""
    try:
        return gdb.parse_and_eval(name)
    except gdb.error as error:
        if "No symbol" in str(error):
            raise gdb.GdbError("cede is not in use here, or its debugging information is missing")
        return None


def look_around():
    """(runs, waiters): all runs, and (thread, waiter) of the plain threads that wait."""
    selected = gdb.selected_thread()
    if not selected:
        raise gdb.GdbError("there is no process, and no core file")
    frame, runs, waiters = gdb.selected_frame(), {}, []
    try:
        for thread in sorted(gdb.selected_inferior().threads(), key=lambda t: t.num):
            thread.switch()
            loop, party = thread_local("cede__loop_here"), thread_local("cede__self")
            if loop:
                # The loop is the first member of its worker.
                worker = loop.cast(pointer_to("cede__worker")).dereference()
                run = runs.setdefault(int(worker["run"]), Run(worker["run"].dereference()))
                run.threads[int(loop)] = thread
                run.current.add(int(party))
            elif party and int(party["cell"]) & STATE in (WAITING, FIRM) and party["waiter"]:
                waiters.append((thread, party["waiter"].dereference()))
    finally:
        selected.switch()
        if frame.is_valid():
            frame.select()
    return list(runs.values()), waiters


def all_tasks():
    return [task for run in look_around()[0] for task in run.tasks()]


def find(number):
    """The task with this number: in the selected thread's run, else in any that has one."""
    selected = gdb.selected_thread()
    found = [task for task in all_tasks() if task.id == number]
    found.sort(key=lambda task: selected not in task.run.threads.values())
    if not found:
        raise gdb.GdbError(f"there is no task {number}; try `cede tasks`")
    return found[0]


# What the context switch saved (src/arch/), as the registers of the frame that called it.

def word(address):
    return int(gdb.Value(address).cast(gdb.lookup_type("unsigned long").pointer()).dereference())


def saved_x86_64(context):
    """x86_64.S: sp -> rbx rbp r12 r13 r14 r15 return-address"""
    names = ("rbx", "rbp", "r12", "r13", "r14", "r15", "rip")
    registers = {name: word(context + 8 * i) for i, name in enumerate(names)}
    return {**registers, "rsp": context + 8 * len(names)}


def saved_aarch64(context):
    """aarch64.S: sp -> x19 ... x28 x29 x30 d8 ... d15; what is resumed at is x30"""
    registers = {f"x{19 + i}": word(context + 8 * i) for i in range(12)}
    return {**registers, "pc": registers["x30"], "sp": context + 160}


def saved_riscv64(context):
    """riscv64.S: sp -> ra s0 ... s11 fs0 ... fs11; what is resumed at is ra"""
    names = ["ra", "fp"] + [f"s{i}" for i in range(1, 12)]
    registers = {name: word(context + 8 * i) for i, name in enumerate(names)}
    return {**registers, "pc": registers["ra"], "sp": context + 208}


def saved_ucontext_x86_64(context):
    """ucontext.c: a ucontext_t"""
    numbers = {"rip": 16, "rsp": 15, "rbp": 10, "rbx": 11, "r12": 4, "r13": 5, "r14": 6, "r15": 7}
    there = gdb.Value(context).cast(gdb.lookup_type("ucontext_t").pointer())
    registers = there["uc_mcontext"]["gregs"]
    return {name: int(registers[number]) for name, number in numbers.items()}


def exists(name):
    try:
        return bool(gdb.parse_and_eval(f"&{name}"))
    except gdb.error:
        return False


def saved(context):
    machine = gdb.selected_frame().architecture().name()
    portable = not exists("cede__context_start")
    if machine.startswith("i386:x86-64"):
        return (saved_ucontext_x86_64 if portable else saved_x86_64)(context)
    if machine.startswith("aarch64") and not portable:
        return saved_aarch64(context)
    if machine.startswith("riscv") and not portable:
        return saved_riscv64(context)
    raise gdb.GdbError(f"what a suspended task saves on {machine} is not known here")


class FrameId:
    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc


class TaskUnwinder(Unwinder):
    """Calls the selected task's frames the callers of its thread's innermost frame."""

    def __init__(self):
        super().__init__("cede")
        self.registers = self.thread = self.innermost = None

    def select(self, task):
        """None: the thread's own frames again."""
        self.registers = None
        gdb.invalidate_cached_frames()
        if task:
            task.thread().switch()
            frame = gdb.newest_frame()
            self.innermost = (self.stack_pointer(frame), int(frame.pc()))
            self.thread = task.thread().ptid
            context = int(task.fiber["context"])
            self.registers, self.context = saved(context), context
            gdb.invalidate_cached_frames()

    @staticmethod
    def stack_pointer(frame):
        return int(frame.read_register("sp"))

    def __call__(self, pending):
        if not self.registers or gdb.selected_thread().ptid != self.thread:
            return None
        pc = int(pending.read_register("pc"))
        if (self.stack_pointer(pending), pc) != self.innermost:
            return None
        unsigned = gdb.lookup_type("unsigned long")
        # A frame lies below its caller's: hence the address of the saved registers.
        info = pending.create_unwind_info(FrameId(gdb.Value(self.context).cast(unsigned),
                                                  gdb.Value(pc).cast(unsigned)))
        for name, value in self.registers.items():
            info.add_saved_register(name, gdb.Value(value).cast(unsigned))
        return info


unwinder = TaskUnwinder()
register_unwinder(None, unwinder, replace=True)
gdb.events.cont.connect(lambda event: unwinder.registers and unwinder.select(None))


class Cede(gdb.Command):
    """Commands for programs that use cede: cede tasks, cede bt, cede task."""

    def __init__(self):
        super().__init__("cede", gdb.COMMAND_STACK, gdb.COMPLETE_NONE, True)


class Tasks(gdb.Command):
    """The task tree of each run: name, function, state, what it waits for, and where.
    cede tasks [MAX]: at most so many lines for each run (1000 if not given)."""

    def __init__(self):
        super().__init__("cede tasks", gdb.COMMAND_STACK)

    def invoke(self, argument, _from_tty):
        most = int(argument) if argument else TASKS_MAX
        runs, waiters = look_around()
        for run in runs:
            print(f"{run.title()} ({run.live()} tasks)")
            for position, task in enumerate(run.tasks()):
                if position == most:
                    print("  ...")
                    break
                try:
                    state = task.state()
                except gdb.MemoryError:
                    state = "waits, but its stack is missing in this core file"
                print(f"{'':{2 + 2 * min(task.depth, 30)}}{task.title()}: {state}")
        for thread, waiter in waiters:
            print(f"thread {thread.num}: waits for {what(waiter)}")
        if not runs and not waiters:
            print("no thread is inside of cede_run, or waits for an object of cede")


class Backtrace(gdb.Command):
    """The backtrace of a task, or of all.
    cede bt ID|all. The numbers of frames are those that `frame` takes after `cede task ID`."""

    def __init__(self):
        super().__init__("cede bt", gdb.COMMAND_STACK)

    def invoke(self, argument, _from_tty):
        tasks = all_tasks() if argument == "all" else [find(number(argument))]
        selected, frame = gdb.selected_thread(), gdb.selected_frame().level()
        if unwinder.registers:
            raise gdb.GdbError("a task is selected: `bt` shows it, `cede task` deselects it")
        for task in tasks:
            print(f"{task.title()}: {task.state()}")
            if not task.running() and not task.fiber["context"]:
                print("  it has no frames yet")
                continue
            try:
                unwinder.select(None if task.running() else task)
                task.thread().switch()
                print(backtrace(0 if task.running() else first_frame()), end="")
            finally:
                unwinder.select(None)
                selected.switch()
                gdb.execute(f"frame {frame}", to_string=True)


def first_frame():
    """The number of the selected task's innermost frame."""
    frame = gdb.newest_frame()
    while frame.type() == gdb.INLINE_FRAME:
        frame = frame.older()
    return frame.older().level()


def backtrace(first):
    lines = gdb.execute("backtrace", to_string=True).splitlines(keepends=True)
    while lines and not lines[0].startswith(f"#{first} "):
        lines.pop(0)  # the thread's own, each of which may take several lines
    return "".join(lines)


def number(argument):
    try:
        return int(argument)
    except ValueError:
        raise gdb.GdbError("which task? `cede tasks` shows their numbers")


class Select(gdb.Command):
    """Makes a task's frames the ones that bt, frame, up and info locals show.
    cede task ID; without ID: the thread's own again. Continuing the program does the same."""

    def __init__(self):
        super().__init__("cede task", gdb.COMMAND_STACK)

    def invoke(self, argument, _from_tty):
        if not argument:
            unwinder.select(None)
            gdb.execute("frame 0")
            return
        unwinder.select(None)
        task = find(number(argument))
        if not task.running() and not task.fiber["context"]:
            raise gdb.GdbError("it has not started: there are no frames")
        if task.running():
            task.thread().switch()
            gdb.execute("frame 0")
            return
        unwinder.select(task)
        print(f"[{task.title()}: {task.state()}]")
        gdb.execute(f"frame {first_frame()}")


Cede()
Tasks()
Backtrace()
Select()
