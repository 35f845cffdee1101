/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What moves bytes between the kernel, the caller and a process.
 */
#include "image.h"

unsigned char pr_memory[PR_PROCS][kMemoryBytes] __aligned(16);
unsigned char pr_pattern[PR_PROCS][kMemoryBytes] __aligned(16);

void pr_start_memory(void) {
  for (int slot = 0; slot < PR_PROCS; slot++)
    for (int i = 0; i < kMemoryBytes; i++) pr_pattern[slot][i] = 0x80 | ((slot * 37 + i * 11) & 0x3f);
}

/* ---- the caller ---- */

static int in_user(const void* at, size_t n) {
  unsigned long offset;
  if (pr_call == NULL) return 0;
  offset = (unsigned long)((const unsigned char*)at - pr_call->user);
  return offset < kUserBytes && n <= kUserBytes - offset;
}

static void not_user(const void* at, size_t n, const char* what) {
  if (in_user(at, n)) complain("%s: the kernel's side of the copy is an address of the caller", what);
}

int copyin(const void* user, void* kernel, size_t n) {
  pr_may_sleep("copyin");
  not_user(kernel, n, "copyin");
  if (!in_user(user, n) || pr_host->open(PR_OPEN_COPYIN) != 0) return EFAULT;
  memcpy(kernel, user, n);
  return 0;
}

int copyout(const void* kernel, void* user, size_t n) {
  const unsigned long length = offsetof(struct ptrace_io_desc, piod_len);
  unsigned long at;
  pr_may_sleep("copyout");
  not_user(kernel, n, "copyout");
  if (!in_user(user, n) || pr_host->open(PR_OPEN_COPYOUT) != 0) return EFAULT;
  at = (unsigned long)((unsigned char*)user - pr_call->user);
  if (at <= length && at + n >= length + sizeof(size_t)) pr_call->length_copied = 1;
  memcpy(user, kernel, n);
  return 0;
}

int uiomove(caddr_t kernel, size_t n, struct uio* uio) {
  if (uio->uio_td != pr_curthread)
    complain("uio_td is not the calling thread: the memory of another process would be used");
  if (uio->uio_rw != UIO_READ && uio->uio_rw != UIO_WRITE) complain("uiomove: uio_rw is neither reading nor writing");
  if (uio->uio_iovcnt != 1) complain("uiomove: %d buffers, and there is one", uio->uio_iovcnt);
  if (uio->uio_iov->iov_len != uio->uio_resid) complain("uiomove: uio_resid is not the buffer's size");
  while (n > 0 && uio->uio_resid > 0 && uio->uio_iovcnt > 0) {
    struct iovec* iov = uio->uio_iov;
    size_t count = szmin(szmin(n, iov->iov_len), uio->uio_resid);
    if (count == 0) {
      uio->uio_iov++;
      uio->uio_iovcnt--;
      continue;
    }
    if (uio->uio_segflg == UIO_SYSSPACE)
      not_user(iov->iov_base, count, "uiomove (UIO_SYSSPACE)");
    else if (uio->uio_segflg != UIO_USERSPACE || !in_user(iov->iov_base, count))
      return EFAULT;
    if (uio->uio_rw == UIO_READ)
      memcpy(iov->iov_base, kernel, count);
    else
      memcpy(kernel, iov->iov_base, count);
    iov->iov_base = (caddr_t)iov->iov_base + count;
    iov->iov_len -= count;
    uio->uio_resid -= count;
    uio->uio_offset += count;
    kernel += count;
    n -= count;
  }
  return 0;
}

int uiomove_frombuf(void* buffer, size_t size, struct uio* uio) {
  if (uio->uio_offset < 0) return EINVAL;
  if ((size_t)uio->uio_offset >= size) return 0;
  return uiomove((caddr_t)buffer + uio->uio_offset, size - (size_t)uio->uio_offset, uio);
}

/* ---- vfs/procfs ---- */

void pr_check_uio(struct proc* curp, struct uio* uio, const char* what) {
  if (curp != curproc) complain("%s: the first argument is not the calling process", what);
  if (uio->uio_td != pr_curthread) complain("%s: uio_td is not the calling thread", what);
}

int procfs_rwmem(struct proc* curp, struct proc* p, struct uio* uio) {
  int slot = slot_of(p, "procfs_rwmem"), error;
  size_t resid = uio->uio_resid;
  off_t offset = uio->uio_offset - kMemory;
  pr_check_uio(curp, uio, "procfs_rwmem");
  pr_needs_hold(slot, "procfs_rwmem");
  if (resid == 0) return 0;
  pr_may_sleep("procfs_rwmem");
  switch (pr_host->open(PR_OPEN_MEMORY)) {
    case 0: break;
    case 2: return 0; /* not a byte moved, and no error */
    default: return EFAULT;
  }
  if (slot == PR_NONE || offset < 0 || offset >= kMemoryBytes) return EFAULT;
  error = uiomove((caddr_t)pr_memory[slot] + offset, kMemoryBytes - offset, uio);
  if (error == 0 && uio->uio_resid > 0) error = EFAULT; /* beyond the end */
  if (pr_call != NULL) pr_call->io_bytes += resid - uio->uio_resid;
  return error;
}

int procfs_domem(struct proc* curp, struct lwp* lp, struct pfsnode* pfs, struct uio* uio) {
  struct proc* p = &pr_procs[pr_kept.lwp[lwp_slot_of(lp, "procfs_domem")].proc];
  if (uio->uio_resid != 0 && !pr_procfs_may(curp, p)) return EPERM;
  return procfs_rwmem(curp, p, uio);
}
