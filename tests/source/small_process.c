/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A ptrace(2) for the miniature FreeBSD of 2003, written for the tests of `proctor source` from what model/rules says
 * that freebsd-5.1 does.  It is not the kernel's file and is laid out differently: a table says of each request what
 * it needs, a small function does it, and whatever is still locked in the end is unlocked in one place.
 *
 * The scripts beside it change single lines of it; each line that they change is there once.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/proc.h>
#include <sys/ptrace.h>
#include <sys/signalvar.h>
#include <sys/sx.h>
#include <sys/sysproto.h>
#include <sys/uio.h>

#include <machine/reg.h>

#include <vm/vm.h>
#include <vm/vm_extern.h>
#include <vm/vm_map.h>
#include <vm/vm_page.h>

enum { HAS_TREE = 0x1, HAS_PROC = 0x2 }; /* what a call has locked */

struct tcall {
	struct thread *tc_td;	/* who calls */
	struct proc *tc_self;
	struct proc *tc_proc;	/* about whom */
	struct thread *tc_first;
	int tc_req;
	void *tc_addr;
	int tc_data;
	int tc_locks;
};

union payload { /* what addr points to, while the kernel has it */
	struct reg regs;
	struct fpreg fpregs;
	struct dbreg dbregs;
	struct ptrace_io_desc io;
};

static int begin_tracing_me(struct tcall *);
static int begin_tracing(struct tcall *);
static int move_word(struct tcall *);
static int move_block(struct tcall *);
static int move_registers(struct tcall *);
static int let_run(struct tcall *);
static int kill_it(struct tcall *);

enum {
	R_TREE = 0x1,	/* the tree of processes must stay as it is */
	R_TRACEE = 0x2,	/* about a stopped process that the caller traces */
	R_IN = 0x4,	/* the payload comes from the caller */
	R_OUT = 0x8,	/* and goes to it */
	R_OUT_TRY = 0x10 /* the same, but it is no error if it cannot */
};
static const struct request {
	int r_number;
	int r_how;
	size_t r_size;
	int (*r_do)(struct tcall *);
} requests[] = {
	{ PT_TRACE_ME, R_TREE, 0, begin_tracing_me },
	{ PT_ATTACH, R_TREE, 0, begin_tracing },
	{ PT_READ_I, R_TRACEE, 0, move_word },
	{ PT_READ_D, R_TRACEE, 0, move_word },
	{ PT_WRITE_I, R_TRACEE, 0, move_word },
	{ PT_WRITE_D, R_TRACEE, 0, move_word },
	{ PT_CONTINUE, R_TREE | R_TRACEE, 0, let_run },
	{ PT_STEP, R_TREE | R_TRACEE, 0, let_run },
	{ PT_DETACH, R_TREE | R_TRACEE, 0, let_run },
	{ PT_KILL, R_TRACEE, 0, kill_it },
	{ PT_IO, R_TRACEE | R_IN | R_OUT_TRY, sizeof(struct ptrace_io_desc), move_block },
	{ PT_GETREGS, R_TRACEE | R_OUT, sizeof(struct reg), move_registers },
	{ PT_SETREGS, R_TRACEE | R_IN, sizeof(struct reg), move_registers },
	{ PT_GETFPREGS, R_TRACEE | R_OUT, sizeof(struct fpreg), move_registers },
	{ PT_SETFPREGS, R_TRACEE | R_IN, sizeof(struct fpreg), move_registers },
	{ PT_GETDBREGS, R_TRACEE | R_OUT, sizeof(struct dbreg), move_registers },
	{ PT_SETDBREGS, R_TRACEE | R_IN, sizeof(struct dbreg), move_registers },
};
static const struct request unknown = { -1, 0, 0, NULL };

static const struct request *
request_of(int number)
{
	u_int i;

	for (i = 0; i < nitems(requests); i++)
		if (requests[i].r_number == number)
			return (&requests[i]);
	return (&unknown);
}

/* Locks, and what is still locked when the call ends. */
static void
take_tree(struct tcall *tc)
{
	sx_xlock(&proctree_lock);
	tc->tc_locks |= HAS_TREE;
}

static void
give_tree(struct tcall *tc)
{
	if ((tc->tc_locks & HAS_TREE) == 0)
		return;
	tc->tc_locks &= ~HAS_TREE;
	sx_xunlock(&proctree_lock);
}

static void
give_proc(struct tcall *tc)
{
	if ((tc->tc_locks & HAS_PROC) == 0)
		return;
	tc->tc_locks &= ~HAS_PROC;
	PROC_UNLOCK(tc->tc_proc);
}

/* The process that a call is about, locked. */
static int
find_target(struct tcall *tc, pid_t pid)
{
	if (tc->tc_req == PT_TRACE_ME) {
		tc->tc_proc = tc->tc_self;
		PROC_LOCK(tc->tc_self);
	} else {
		tc->tc_proc = pfind(pid);
	}
	if (tc->tc_proc == NULL)
		return (ESRCH);
	tc->tc_locks |= HAS_PROC;
	tc->tc_first = FIRST_THREAD_IN_PROC(tc->tc_proc);
	return (0);
}

static int
may_look_at(struct tcall *tc)
{
	int error;

	error = p_cansee(tc->tc_td, tc->tc_proc);
	if (error == 0)
		error = p_candebug(tc->tc_td, tc->tc_proc);
	if (error != 0)
		return (error);
	if ((tc->tc_proc->p_flag & P_SYSTEM) != 0)
		return (EINVAL);
	return (0);
}

/* The caller is the debugger of the process, which has stopped, and the caller knows that. */
static int
is_tracee(struct tcall *tc)
{
	const struct proc *p = tc->tc_proc;

	if ((p->p_flag & P_TRACED) == 0)
		return (EPERM);
	if (p->p_pptr != tc->tc_self)
		return (EBUSY);
	if (!P_SHOULDSTOP(p))
		return (EBUSY);
	if ((p->p_flag & P_WAITED) == 0)
		return (EBUSY);
	return (0);
}

/* From now on p has a debugger; its pid says who the parent was before. */
static void
mark_traced(struct proc *p)
{
	KASSERT((p->p_flag & P_TRACED) == 0 || p == curproc, ("pid %d is traced already", p->p_pid));
	p->p_flag |= P_TRACED;
	p->p_oppid = p->p_pptr->p_pid;
}

static void
unmark_traced(struct proc *p)
{
	p->p_flag &= ~(P_TRACED | P_WAITED);
	p->p_oppid = 0;
}

/* A stopped process runs on and finds the signal where the stop left it; another one is sent it. */
static void
wake_with(struct tcall *tc, int sig)
{
	struct proc *p = tc->tc_proc;

	give_tree(tc);
	if ((p->p_flag & (P_STOPPED_SIG | P_STOPPED_TRACE)) != 0) {
		p->p_xstat = sig;
		p->p_flag &= ~(P_STOPPED_SIG | P_STOPPED_TRACE);
		mtx_lock_spin(&sched_lock);
		thread_unsuspend(p);
		setrunnable(tc->tc_first);
		mtx_unlock_spin(&sched_lock);
	} else if (sig != 0) {
		psignal(p, sig);
	}
}

static int
begin_tracing_me(struct tcall *tc)
{
	mark_traced(tc->tc_proc);
	return (0);
}

static int
begin_tracing(struct tcall *tc)
{
	struct proc *p = tc->tc_proc, *above;

	if (p == tc->tc_self)
		return (EINVAL);
	if ((p->p_flag & P_TRACED) != 0)
		return (EBUSY);
	if ((tc->tc_self->p_flag & P_TRACED) != 0)
		for (above = tc->tc_self->p_pptr; above != NULL; above = above->p_pptr)
			if (above == p)
				return (EINVAL);
	mark_traced(p);
	proc_reparent(p, tc->tc_self);
	wake_with(tc, SIGSTOP);
	return (0);
}

static int
kill_it(struct tcall *tc)
{
	wake_with(tc, SIGKILL);
	return (0);
}

/* Back to the parent from before: whoever has its pid now, or init. */
static void
give_back(struct tcall *tc)
{
	struct proc *p = tc->tc_proc, *parent;

	if (p->p_oppid != p->p_pptr->p_pid) {
		PROC_UNLOCK(p);
		parent = pfind(p->p_oppid);
		if (parent != NULL)
			PROC_UNLOCK(parent);
		else
			parent = initproc;
		PROC_LOCK(p);
		proc_reparent(p, parent);
	}
	unmark_traced(p);
}

static int
let_run(struct tcall *tc)
{
	struct proc *p = tc->tc_proc;
	int error = 0;

	if (tc->tc_req != PT_STEP && (u_int)tc->tc_data > _SIG_MAXSIG)
		return (EINVAL);
	_PHOLD(p);
	if (tc->tc_req == PT_STEP)
		error = ptrace_single_step(tc->tc_first);
	if (error == 0 && tc->tc_addr != (void *)1)
		error = ptrace_set_pc(tc->tc_first, (u_long)tc->tc_addr);
	_PRELE(p);
	if (error != 0)
		return (error);
	if (tc->tc_req == PT_DETACH)
		give_back(tc);
	wake_with(tc, tc->tc_data);
	return (0);
}

static int
registers_of(struct thread *td, int req, union payload *u)
{
	switch (req) {
	case PT_GETREGS:
		return (fill_regs(td, &u->regs));
	case PT_SETREGS:
		return (set_regs(td, &u->regs));
	case PT_GETFPREGS:
		return (fill_fpregs(td, &u->fpregs));
	case PT_SETFPREGS:
		return (set_fpregs(td, &u->fpregs));
	case PT_GETDBREGS:
		return (fill_dbregs(td, &u->dbregs));
	default:
		return (set_dbregs(td, &u->dbregs));
	}
}

static int
move_registers(struct tcall *tc)
{
	struct proc *p = tc->tc_proc;
	int error = EIO;

	_PHOLD(p);
	if ((p->p_sflag & PS_INMEM) != 0)
		error = registers_of(tc->tc_first, tc->tc_req, tc->tc_addr);
	_PRELE(p);
	return (error);
}

static int
is_there(vm_map_t map, vm_offset_t at, vm_prot_t want)
{
	vm_map_entry_t entry;
	vm_object_t object;
	vm_pindex_t index;
	vm_prot_t allowed;
	vm_page_t page;
	boolean_t wired;

	if (vm_map_lookup(&map, at, want, &entry, &object, &index, &allowed, &wired) != KERN_SUCCESS)
		return (0);
	page = vm_page_lookup(object, index);
	while (page == NULL && object->backing_object != NULL) {
		index += OFF_TO_IDX(object->backing_object_offset);
		object = object->backing_object;
		page = vm_page_lookup(object, index);
	}
	vm_map_lookup_done(map, entry);
	return (page != NULL);
}

/* Memory of another process, page by page. */
int
proc_rwmem(struct proc *p, struct uio *uio)
{
	vm_prot_t want = uio->uio_rw == UIO_WRITE ? VM_PROT_RW : VM_PROT_READ;
	struct vmspace *space = vmspace_acquire_ref(p);
	int error = 0;

	while (error == 0 && uio->uio_resid > 0) {
		vm_offset_t at = uio->uio_offset & PAGE_MASK;
		vm_page_t page[1];

		if (vm_fault_hold(&space->vm_map, trunc_page(uio->uio_offset), want, VM_FAULT_NORMAL, page) != KERN_SUCCESS) {
			error = EFAULT;
			break;
		}
		/* What was faulted in may be gone again. */
		if (is_there(&space->vm_map, trunc_page(uio->uio_offset), want))
			error = uiomove_fromphys(page, at, min(PAGE_SIZE - at, uio->uio_resid), uio);
		else
			error = EFAULT;
		vm_page_lock_queues();
		vm_page_unhold(page[0]);
		vm_page_unlock_queues();
	}
	vmspace_free(space);
	return (error);
}

static int
move_bytes(struct tcall *tc, void *theirs, void *ours, size_t *length, enum uio_rw rw, enum uio_seg where)
{
	struct iovec vec = { ours, *length };
	struct uio uio = { &vec, 1, (off_t)(u_long)theirs, *length, where, rw, tc->tc_td };
	int error;

	mtx_lock(&Giant);
	error = proc_rwmem(tc->tc_proc, &uio);
	mtx_unlock(&Giant);
	*length -= uio.uio_resid;
	return (error);
}

static int
move_word(struct tcall *tc)
{
	int write = tc->tc_req == PT_WRITE_I || tc->tc_req == PT_WRITE_D;
	int word = write ? tc->tc_data : 0, error;
	size_t length = sizeof(word);

	give_proc(tc);
	error = move_bytes(tc, tc->tc_addr, &word, &length, write ? UIO_WRITE : UIO_READ, UIO_SYSSPACE);
	if (error == 0 && !write)
		tc->tc_td->td_retval[0] = word;
	return (error);
}

static int
move_block(struct tcall *tc)
{
	struct ptrace_io_desc *d = tc->tc_addr;
	int write = d->piod_op == PIOD_WRITE_D || d->piod_op == PIOD_WRITE_I;

	give_proc(tc);
	if (!write && d->piod_op != PIOD_READ_D && d->piod_op != PIOD_READ_I)
		return (EINVAL);
	return (move_bytes(tc, d->piod_offs, d->piod_addr, &d->piod_len, write ? UIO_WRITE : UIO_READ, UIO_USERSPACE));
}

int
kern_ptrace(struct thread *td, int req, pid_t pid, void *addr, int data)
{
	const struct request *r = request_of(req);
	struct tcall tc = { td, td->td_proc, NULL, NULL, req, addr, data, 0 };
	int error;

	td->td_retval[0] = 0;
	if ((r->r_how & R_TREE) != 0)
		take_tree(&tc);
	error = find_target(&tc, pid);
	if (error == 0)
		error = may_look_at(&tc);
	if (error == 0 && r->r_do == NULL)
		error = EINVAL;
	if (error == 0 && (r->r_how & R_TRACEE) != 0)
		error = is_tracee(&tc);
	if (error == 0)
		error = r->r_do(&tc);
	give_proc(&tc);
	give_tree(&tc);
	return (error);
}

int
ptrace(struct thread *td, struct ptrace_args *uap)
{
	const struct request *r = request_of(uap->req);
	union payload payload;
	void *addr = r->r_size != 0 ? (void *)&payload : uap->addr;
	int error = 0;

	if ((r->r_how & R_IN) != 0)
		error = copyin(uap->addr, addr, r->r_size);
	if (error == 0)
		error = kern_ptrace(td, uap->req, uap->pid, addr, uap->data);
	if (error == 0 && (r->r_how & (R_OUT | R_OUT_TRY)) != 0) {
		error = copyout(addr, uap->addr, r->r_size);
		if ((r->r_how & R_OUT_TRY) != 0)
			error = 0;
	}
	return (error);
}
