/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The event mask of FreeBSD 10.4 and no other request, written for the tests of `proctor source`: two copies of it are
 * compared with each other.  It is not the kernel's file.  Each line that events.sh changes is there once.
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

static int
with_tracee(struct thread *td, pid_t pid, int req, u_int *events)
{
	struct proc *p = pfind(pid);
	int error = 0;

	if (p == NULL)
		return (ESRCH);
	if ((p->p_flag & P_TRACED) == 0 || p->p_pptr != td->td_proc)
		error = EPERM;
	else if (req == PT_ATTACH)
		error = EBUSY;
	else if (req == PT_GET_EVENT_MASK)
		*events = p->p_ptevents;
	else if (req == PT_SET_EVENT_MASK)
		p->p_ptevents = *events;
	else if (req == PT_DETACH) {
		p->p_flag2 &= ~P2_PTRACE_FSTP;
		sigqueue_delete(&p->p_sigqueue, SIGSTOP);
	} else
		error = EINVAL;
	PROC_UNLOCK(p);
	return (error);
}

static int
attach(struct thread *td, pid_t pid)
{
	struct proc *p = pfind(pid);
	int error = 0;

	if (p == NULL)
		return (ESRCH);
	if (p == td->td_proc || (p->p_flag & (P_TRACED | P_SYSTEM)) != 0)
		error = EINVAL;
	else {
		p->p_flag |= P_TRACED;
		p->p_flag2 |= P2_PTRACE_FSTP;
		p->p_ptevents = PTRACE_DEFAULT;
		p->p_oppid = p->p_pptr->p_pid;
		if (p->p_pptr != td->td_proc)
			proc_reparent(p, td->td_proc);
		kern_psignal(p, SIGSTOP);
	}
	PROC_UNLOCK(p);
	return (error);
}

int
sys_ptrace(struct thread *td, struct ptrace_args *uap)
{
	u_int events = 0;
	int error = 0;

	td->td_retval[0] = 0;
	if (uap->req == PT_TRACE_ME || uap->pid > PID_MAX)
		return (EINVAL);
	if (uap->req == PT_SET_EVENT_MASK) {
		error = uap->data != sizeof events ? EINVAL : copyin(uap->addr, &events, sizeof events);
		if (error == 0 && (events & ~0x3f) != 0)
			error = EINVAL;
		if (error != 0)
			return (error);
	}
	sx_xlock(&proctree_lock);
	if (uap->req == PT_ATTACH)
		error = attach(td, uap->pid);
	else
		error = with_tracee(td, uap->pid, uap->req, &events);
	sx_xunlock(&proctree_lock);
	if (error == 0 && uap->req == PT_GET_EVENT_MASK)
		error = copyout(&events, uap->addr, sizeof events);
	return (error);
}
